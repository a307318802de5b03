-- What is open, the worst first and of those the oldest, at most $1: for the digest.
select w.id, w.condition, w.subject, w.level, w.cause, w.reason, w.facts, w.device_id, w.lineage_id, w.opened_at, w.level_at,
       w.well_since, w.closed_at, w.acknowledged_at, w.acknowledged_by, w.snoozed_until, w.snoozed_by, w.note
  from warning w
 where w.closed_at is null
 order by case w.level when 'critical' then 0 else 1 end, w.opened_at, w.id
 limit $1
