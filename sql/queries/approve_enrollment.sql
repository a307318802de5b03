-- A person approved exactly the version that was looked at.
with approved as (
  update enrollment
     set state = 'approved', approved_by = $3, approved_at = $4::timestamptz, approved_grants = $5::jsonb,
         approved_replaces = $6, updated_at = $4
   where id = $1 and version = $2 and state = 'pending'
  returning id, host_name, ek_fingerprint, version
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'enrollment.approved', $3,
         jsonb_build_object('enrollment', id, 'version', version, 'hostName', host_name, 'ekFingerprint', ek_fingerprint,
                            'grants', $5::jsonb, 'replaces', $6::uuid)
    from approved
)
select id from approved
