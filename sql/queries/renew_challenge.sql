-- A fresh challenge for an approved enrollment, unless its activation is worked on at $5.
update enrollment
   set secret_sha256 = $2, nonce = $3, challenge_expires_at = $4, challenge_spent_at = null, lease_until = null
 where id = $1 and state = 'approved' and (lease_until is null or lease_until <= $5::timestamptz)
returning id
