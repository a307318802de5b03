-- Which of these keys were revoked for keyCompromise.
select spki_sha256 from public_key where spki_sha256 = any ($1::text[]) and compromised_at is not null
