-- Ends every lease at $1: only for a server that holds the database alone and has just started, so that what the last
-- one left is swept and retried at once.
with intents as (
  update issuance_intent set lease_until = $1::timestamptz - interval '1 second'
   where outcome is null and lease_until >= $1
), renewals as (
  update renewal set lease_until = $1 where lease_until > $1
), enrollments as (
  update enrollment set lease_until = null where lease_until is not null
)
select 1 as done
