-- Takes over an activation that a crash left without a result: the lease has ended at $3. One caller gets a row.
update enrollment
   set lease_until = $4, updated_at = $3::timestamptz
 where id = $1 and activation_sha256 = $2 and refusals is null and (lease_until is null or lease_until <= $3)
   and (state = 'authorized' or (state in ('challenged', 'approved') and challenge_spent_at is not null))
returning id
