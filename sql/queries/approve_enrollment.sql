-- A person approved exactly the version that was looked at. The old challenge is withdrawn, so that the octets that were
-- proved with it cannot be resumed: the host has to prove itself again with a fresh one.
with approved as (
  update enrollment
     set state = 'approved', approved_by = $3, approved_at = $4::timestamptz, approved_grants = $5::jsonb,
         approved_replaces = $6, challenge_spent_at = null,
         challenge_expires_at = least(challenge_expires_at, $4 - interval '1 second'), updated_at = $4
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
