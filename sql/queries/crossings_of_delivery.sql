-- What a delivery $1 tells, as its warnings stand now.
select c.kind as crossing_kind, c.at as crossing_at, 'told' as others,
       w.id, w.condition, w.subject, w.level, w.cause, w.reason, w.facts, w.device_id, w.lineage_id, w.opened_at, w.level_at,
       w.well_since, w.closed_at, w.acknowledged_at, w.acknowledged_by, w.snoozed_until, w.snoozed_by, w.note
  from crossing c
  join warning w on w.id = c.warning_id
 where c.delivery_id = $1
