-- Spends a nonce. No row: it was spent before, by whichever server.
insert into spent_nonce (nonce_sha256, expires_at) values ($1, $2)
on conflict (nonce_sha256) do nothing
returning nonce_sha256
