-- What the outbox has beside alarms is told to nobody: marked at $1, at most $2 at a time.
update outbox set delivered_at = $1
 where id in (select id from outbox where delivered_at is null and topic <> 'alarm' order by id limit $2 for update skip locked)
returning id
