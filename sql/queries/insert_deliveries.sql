-- Messages for a channel $1, composed at $2 ($3), the crossings that each tells ($4), and crossings that are moot ($5). A
-- crossing that somebody took meanwhile stays taken.
with composed as (
  insert into delivery (id, channel, kind, cause, message, created_at, due_at)
  select id, $1::text, kind, cause, message, $2::timestamptz, $2
    from jsonb_to_recordset($3::jsonb) as m (id uuid, kind text, cause text, message jsonb)
  returning id
), told as (
  update crossing c set delivery_id = t.delivery
    from jsonb_to_recordset($4::jsonb) as t (warning uuid, kind text, delivery uuid)
   where c.warning_id = t.warning and c.channel = $1 and c.kind = t.kind and c.delivery_id is null and c.moot_at is null
), over as (
  update crossing c set moot_at = $2
    from jsonb_to_recordset($5::jsonb) as o (warning uuid, kind text)
   where c.warning_id = o.warning and c.channel = $1 and c.kind = o.kind and c.delivery_id is null and c.moot_at is null
)
select count(*)::int as composed from composed
