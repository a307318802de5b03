-- Forgets spent nonces that have expired since: they are refused by their own date.
with gone as (delete from spent_nonce where expires_at < $1 returning 1)
select count(*)::int as gone from gone
