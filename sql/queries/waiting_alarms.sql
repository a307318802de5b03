-- Alarms that nobody was told of, the oldest first, at most $2, without those whose names are among $1 (they wait for their
-- turn). skip locked: another server takes others.
select id, key, created_at, facts
  from outbox
 where delivered_at is null and topic = 'alarm' and not coalesce(facts ->> 'event', '') = any ($1::text[])
 order by id
 limit $2
   for update skip locked
