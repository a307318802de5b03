-- Messages about events ($2), composed at $1, and the alarms that are done with by that ($3).
with composed as (
  insert into delivery (id, channel, kind, cause, message, created_at, due_at)
  select id, channel, 'event', cause, message, $1::timestamptz, $1
    from jsonb_to_recordset($2::jsonb) as m (id uuid, channel text, cause text, message jsonb)
  returning id
), done as (
  update outbox set delivered_at = $1 where id = any ($3::bigint[]) and delivered_at is null
)
select count(*)::int as composed from composed
