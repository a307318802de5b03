-- A person signed in: the session ($1 is the SHA-256 of its cookie) and its line of the audit, with where it came from.
with inserted as (
  insert into web_session (id_sha256, token_id, created_at, last_used_at, expires_at)
  values ($1, $2, $3, $3, $4)
  returning token_id, created_at
), audited as (
  insert into audit_event (at, event, principal, facts)
  select created_at, 'web.login', $5::text, jsonb_build_object('token', token_id, 'source', $6::text) from inserted
)
select token_id from inserted
