-- A page of what waits for a person, or for its host after an approval; what changed before $2 has lapsed. ($3, $4) is
-- where the last page ended.
select id, state, version, host_name, token_id, ek_fingerprint, ek_public, ek_certificates, ek_facts, ak_public, ak_name,
       secret_sha256, nonce, challenge_expires_at, challenge_spent_at, activation_sha256, activated_at, refusals, request,
       evidence, request_key_sha256, request_key_public, approved_by, approved_at, approved_grants, approved_replaces,
       rejection, device_id, answer, lease_until, created_at, updated_at
  from enrollment
 where state = $1 and state in ('pending', 'approved') and updated_at >= $2
   and ($3::timestamptz is null or (updated_at, id) > ($3, $4::uuid))
 order by updated_at, id
 limit $5
