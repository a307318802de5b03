-- One session by the SHA-256 of its cookie, over or not: that is decided where the reason can be told.
select id_sha256, token_id, created_at, last_used_at, expires_at from web_session where id_sha256 = $1
