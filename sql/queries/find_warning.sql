-- One warning.
select w.id, w.condition, w.subject, w.level, w.cause, w.reason, w.facts, w.device_id, w.lineage_id, w.opened_at, w.level_at,
       w.well_since, w.closed_at, w.acknowledged_at, w.acknowledged_by, w.snoozed_until, w.snoozed_by, w.note
  from warning w
 where w.id = $1
