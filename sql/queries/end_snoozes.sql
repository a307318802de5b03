-- What was put off until now ($2) is told again, once, on those of the channels $1 that were told of it; unless somebody
-- acknowledged it.
with ended as (
  update warning set snoozed_until = null, snoozed_by = null
   where closed_at is null and snoozed_until <= $2::timestamptz
  returning id, acknowledged_at
)
insert into crossing (warning_id, channel, kind, at)
select e.id, n.channel, 'reminder:' || (r.count + 1), $2
  from ended e
 cross join unnest($1::text[]) as n (channel)
 cross join lateral (
   select count(*) filter (where kind like 'reminder:%')::int as count,
          count(*) filter (where delivery_id is not null) as told,
          count(*) filter (where delivery_id is null and moot_at is null) as waiting
     from crossing where warning_id = e.id and channel = n.channel) r
 where e.acknowledged_at is null and r.told > 0 and r.waiting = 0
on conflict (warning_id, channel, kind) do nothing
returning kind
