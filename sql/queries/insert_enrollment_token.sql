-- A new enrollment token and its line of the audit. The secret comes as its SHA-256.
with inserted as (
  insert into enrollment_token (id, secret_sha256, host_name, grants, created_by, created_at, expires_at)
  values ($1, $2, $3, $4::jsonb, $5, $6, $7)
  returning id, host_name, grants, created_by, created_at, expires_at
), audited as (
  insert into audit_event (at, event, principal, facts)
  select created_at, 'enrollmentToken.created', created_by,
         jsonb_build_object('token', id, 'hostName', host_name, 'grants', grants, 'expiresAt', expires_at)
    from inserted
)
select id from inserted
