-- A person rejected a version, or took its approval back before the host came.
with rejected as (
  update enrollment
     set state = 'rejected', rejection = $3, lease_until = null, updated_at = $5::timestamptz
   where id = $1 and version = $2 and state in ('pending', 'approved')
     and (lease_until is null or lease_until <= $5)
  returning id, host_name, ek_fingerprint, version
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $5, 'enrollment.rejected', $4::text,
         jsonb_build_object('enrollment', id, 'version', version, 'hostName', host_name, 'ekFingerprint', ek_fingerprint,
                            'reason', $3::text)
    from rejected
)
select id from rejected
