-- Challenges that nobody answered, a day after they expired. What was proved is kept.
with gone as (
  delete from enrollment
   where state = 'challenged' and challenge_expires_at < $1::timestamptz - interval '24 hours'
  returning 1
)
select count(*)::int as gone from gone
