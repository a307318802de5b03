-- Forgets spent nonces that expired an hour before $1: they are refused by their own date. The hour is for clocks: a
-- server that is behind this one, or a clock that was set back, still takes a nonce that has expired here.
with gone as (delete from spent_nonce where expires_at < $1::timestamptz - interval '1 hour' returning 1)
select count(*)::int as gone from gone
