-- Open warnings, the worst first and of those the oldest, after the one that the last page ended with ($1, null for the
-- first page): of a level ($2), a device ($3), a lineage ($4), a condition ($6), where these are given.
select w.id, w.condition, w.subject, w.level, w.cause, w.reason, w.facts, w.device_id, w.lineage_id, w.opened_at, w.level_at,
       w.well_since, w.closed_at, w.acknowledged_at, w.acknowledged_by, w.snoozed_until, w.snoozed_by, w.note
  from warning w
  left join warning last on last.id = $1::uuid
 where w.closed_at is null
   and ($1 is null or (case w.level when 'critical' then 0 else 1 end, w.opened_at, w.id)
                       > (case last.level when 'critical' then 0 else 1 end, last.opened_at, last.id))
   and ($2::text is null or w.level = $2)
   and ($3::uuid is null or w.device_id = $3)
   and ($4::uuid is null or w.lineage_id = $4)
   and ($6::text is null or w.condition = $6)
 order by case w.level when 'critical' then 0 else 1 end, w.opened_at, w.id
 limit $5
