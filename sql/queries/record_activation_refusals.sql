-- An activation was refused: the same octets get the same refusals ($3).
with refused as (
  update enrollment
     set refusals = $3::jsonb, lease_until = null, updated_at = $4::timestamptz
   where id = $1 and activation_sha256 = $2 and state in ('challenged', 'approved')
  returning id, host_name, ek_fingerprint
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'enrollment.refused', 'enrollment:' || id,
         jsonb_build_object('enrollment', id, 'hostName', host_name, 'ekFingerprint', ek_fingerprint,
                            'reasons', jsonb_path_query_array($3::jsonb, '$[*].reason'))
    from refused
)
select id from refused
