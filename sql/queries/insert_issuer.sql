-- Adds a CA certificate and its key to what this service knows.
with key as (
  insert into public_key (spki_sha256, kind, first_seen_at) values ($11, 'issuer', $10) on conflict do nothing
)
insert into issuer (id, trust_domain, role, certificate, subject_key_identifier, parent_id, not_before, not_after, is_active, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
returning id
