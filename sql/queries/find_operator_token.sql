-- One operator token, whatever its state: what is refused is decided where the reason can be told.
select id, secret_sha256, name, role, limits, created_by, created_at, expires_at, revoked_at, last_used_at
  from operator_token
 where id = $1
