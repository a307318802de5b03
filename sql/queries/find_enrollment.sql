-- One conversation of first contact.
select id, state, version, host_name, token_id, ek_fingerprint, ek_public, ek_certificates, ek_facts, ak_public, ak_name,
       secret_sha256, nonce, challenge_expires_at, challenge_spent_at, activation_sha256, activated_at, refusals, request,
       evidence, request_key_sha256, request_key_public, approved_by, approved_at, approved_grants, approved_replaces,
       rejection, device_id, answer, lease_until, created_at, updated_at
  from enrollment
 where id = $1
