-- Spends a challenge for the body with digest $3, whose sender gets the lease until $5. The nonce $2 says which challenge,
-- since an approval gives out fresh ones. One caller gets a row.
update enrollment
   set challenge_spent_at = $4::timestamptz, activation_sha256 = $3, activated_at = $4, refusals = null, lease_until = $5,
       updated_at = $4
 where id = $1 and nonce = $2 and challenge_spent_at is null and state in ('challenged', 'approved')
returning id
