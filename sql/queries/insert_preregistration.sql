-- An EK is known before its host calls. No row: it is known already.
with inserted as (
  insert into preregistration (ek_fingerprint, host_name, grants, exception, created_by, created_at)
  values ($1, $2, $3::jsonb, $4, $5, $6)
  on conflict do nothing
  returning ek_fingerprint, host_name, grants, exception, created_by, created_at
), audited as (
  insert into audit_event (at, event, principal, facts)
  select created_at, 'preregistration.created', created_by,
         jsonb_build_object('ekFingerprint', ek_fingerprint, 'hostName', host_name, 'grants', grants, 'exception', exception)
    from inserted
)
select ek_fingerprint from inserted
