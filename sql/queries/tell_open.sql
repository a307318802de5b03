-- What is open and what a channel $1 never had a crossing of, since it is new or takes more than before: told now ($2), as
-- far as the channel takes it ($3 the least level, $4 conditions, null for all; $5 is itself). What somebody took upon himself
-- is not.
insert into crossing (warning_id, channel, kind, at)
select w.id, $1::text, w.level, $2::timestamptz
  from warning w
 where w.closed_at is null and w.acknowledged_at is null and ($3::text = 'warning' or w.level = 'critical')
   and ($4::text[] is null or w.condition = any ($4)) and w.subject <> $5::text
   and not exists (select from crossing c where c.warning_id = w.id and c.channel = $1)
on conflict (warning_id, channel, kind) do nothing
returning kind
