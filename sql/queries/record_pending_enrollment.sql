-- A TPM was proved and nobody has authorized it: it waits for a person. What the same EK left waiting for the same host
-- name is superseded, and its version counted on. $8: why that is alarming, null where it is not.
with waiting as (
  select id, host_name, ek_fingerprint from enrollment
   where id = $1 and activation_sha256 = $2 and state = 'challenged' and challenge_spent_at is not null
), superseded as (
  update enrollment e
     set state = 'rejected', rejection = 'a newer enrollment of this host took its place', lease_until = null,
         updated_at = $3::timestamptz
    from waiting w
   where e.host_name = w.host_name and e.ek_fingerprint = w.ek_fingerprint and e.id <> w.id
     and e.state in ('pending', 'approved')
  returning e.id, e.version
), pending as (
  update enrollment
     set state = 'pending', version = (select coalesce(max(version), 0) + 1 from superseded), request = $4,
         evidence = $5::jsonb, request_key_sha256 = $6, request_key_public = $7, lease_until = null, updated_at = $3
   where id in (select id from waiting)
  returning *
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $3, 'enrollment.pending', 'enrollment:' || id,
         jsonb_build_object('enrollment', id, 'hostName', host_name, 'ekFingerprint', ek_fingerprint, 'version', version,
                            'superseded', (select coalesce(jsonb_agg(s.id), '[]') from superseded s), 'alarm', $8::jsonb)
    from pending
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'enrollment.pending', id::text,
         jsonb_build_object('enrollment', id, 'hostName', host_name, 'ekFingerprint', ek_fingerprint), $3
    from pending
), alarmed as (
  insert into outbox (topic, key, facts, created_at)
  select 'alarm', 'enrollment:' || id,
         jsonb_build_object('enrollment', id, 'hostName', host_name, 'ekFingerprint', ek_fingerprint) || $8::jsonb, $3
    from pending where $8::jsonb is not null
)
select id, state, version, host_name, token_id, ek_fingerprint, ek_public, ek_certificates, ek_facts, ak_public, ak_name,
       secret_sha256, nonce, challenge_expires_at, challenge_spent_at, activation_sha256, activated_at, refusals, request,
       evidence, request_key_sha256, request_key_public, approved_by, approved_at, approved_grants, approved_replaces,
       rejection, device_id, answer, lease_until, created_at, updated_at
  from pending
