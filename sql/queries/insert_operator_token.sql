-- A new operator token and its line of the audit. The secret comes as its SHA-256.
with inserted as (
  insert into operator_token (id, secret_sha256, name, role, limits, created_by, created_at, expires_at)
  values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8)
  returning id, name, role, limits, created_by, created_at, expires_at
), audited as (
  insert into audit_event (at, event, principal, facts)
  select created_at, 'operatorToken.created', created_by,
         jsonb_build_object('token', id, 'name', name, 'role', role, 'limits', limits, 'expiresAt', expires_at)
    from inserted
)
select id from inserted
