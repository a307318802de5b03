-- Everything that was granted is issued; the answer is kept for whoever asks again.
with finished as (
  update enrollment
     set state = 'issued', answer = $3::jsonb, lease_until = null, updated_at = $4::timestamptz
   where id = $1 and activation_sha256 = $2 and state = 'authorized'
  returning id, host_name, device_id, ek_fingerprint
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'enrollment.issued', 'device:' || device_id,
         jsonb_build_object('enrollment', id, 'device', device_id, 'hostName', host_name, 'ekFingerprint', ek_fingerprint,
                            'profiles', jsonb_path_query_array($3::jsonb, '$.certificates[*].profile'))
    from finished
)
select id from finished
