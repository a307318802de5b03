-- Holds an enrollment whose activation with digest $2 is worked on and has no result yet.
select id from enrollment
 where id = $1 and activation_sha256 = $2 and refusals is null and challenge_spent_at is not null
   and state in ('challenged', 'approved')
   for update
