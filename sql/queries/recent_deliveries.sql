-- Messages for a channel $1 composed after $2, without those that were withdrawn before anybody could have them; and how
-- many it has not taken. What a wrong clock composed far ahead of us is not recent.
select d.kind, d.cause, d.created_at,
       (select count(*) from delivery o where o.channel = $1 and o.concluded_at is null)::int as unconcluded
  from (select 1) always
  left join delivery d on d.channel = $1 and d.created_at > $2::timestamptz and d.created_at < $2 + interval '15 minutes'
                      and (d.outcome is distinct from 'withdrawn' or d.attempts > 0)
