-- Forgets Idempotency-Keys that answer nobody any more: older than $1. Says how many.
with gone as (delete from idempotent_request where created_at < $1 returning 1)
select count(*)::int as gone from gone
