-- An enrollment was authorized and everything taken; $12 is its answer when nothing remains to be issued.
with authorized as (
  update enrollment
     set state = case when $12::jsonb is null then 'authorized' else 'issued' end, device_id = $2, request = $3,
         evidence = $4::jsonb, request_key_sha256 = $5, request_key_public = $6,
         lease_until = case when $12::jsonb is null then $7::timestamptz end, answer = $12, updated_at = $8::timestamptz
   where id = $1
  returning id, host_name, ek_fingerprint, token_id
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $8, $9::text, $10::text,
         jsonb_build_object('device', $2::uuid, 'enrollment', id, 'hostName', host_name, 'ekFingerprint', ek_fingerprint,
                            'token', token_id) || $11::jsonb
    from authorized
)
select id from authorized
