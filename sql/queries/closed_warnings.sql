-- Closed warnings, the last closed first, after the one that the last page ended with ($1, $2; null for the first page): of
-- a level ($3), a device ($4), a lineage ($5), a condition ($7), where these are given.
select w.id, w.condition, w.subject, w.level, w.cause, w.reason, w.facts, w.device_id, w.lineage_id, w.opened_at, w.level_at,
       w.well_since, w.closed_at, w.acknowledged_at, w.acknowledged_by, w.snoozed_until, w.snoozed_by, w.note
  from warning w
 where w.closed_at is not null
   and ($1::timestamptz is null or (w.closed_at, w.id) < ($1, $2::uuid))
   and ($3::text is null or w.level = $3)
   and ($4::uuid is null or w.device_id = $4)
   and ($5::uuid is null or w.lineage_id = $5)
   and ($7::text is null or w.condition = $7)
 order by w.closed_at desc, w.id desc
 limit $6
