-- What is critical, was told, and nobody acknowledged: told again on channels $1 after $2 seconds, at most $3 times, each pause
-- twice the last ($4: now). The pause is counted from when that channel was told, whatever the others were.
insert into crossing (warning_id, channel, kind, at)
select w.id, n.channel, 'escalation:' || (e.count + 1), $4::timestamptz
  from warning w
 cross join unnest($1::text[]) as n (channel)
 cross join lateral (
   select count(*)::int as count, count(*) filter (where d.concluded_at is null and c.moot_at is null) as waiting
     from crossing c left join delivery d on d.id = c.delivery_id
    where c.warning_id = w.id and c.channel = n.channel and c.kind like 'escalation:%') e
 cross join lateral (
   select max(d.concluded_at) as at
     from crossing c join delivery d on d.id = c.delivery_id
    where c.warning_id = w.id and c.channel = n.channel and d.outcome = 'delivered'
      and (c.kind = 'critical' or c.kind like 'escalation:%')) told
 where w.closed_at is null and w.well_since is null and w.level = 'critical' and w.acknowledged_at is null
   and (w.snoozed_until is null or w.snoozed_until <= $4)
   and e.count < $3::int and e.waiting = 0
   and told.at <= $4 - make_interval(secs => $2::float8 * 2 ^ e.count)
on conflict (warning_id, channel, kind) do nothing
returning kind
