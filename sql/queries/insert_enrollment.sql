-- A challenge was given out. The row reserves nothing: no name, no key, no token.
insert into enrollment (id, state, version, host_name, token_id, ek_fingerprint, ek_public, ek_certificates, ek_facts,
                        ak_public, ak_name, secret_sha256, nonce, challenge_expires_at, created_at, updated_at)
values ($1, 'challenged', 1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, $13, $13)
returning id
