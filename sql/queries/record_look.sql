-- What a look at $1 changed: new warnings ($2), changed ones as they are to be ($3), crossings ($4) and the audit ($5). One
-- statement, under the lock of lock_warnings.sql. A crossing that is there already stays as it is; a rise ends what was
-- said about the lower level, and nothing else does, so that what is said meanwhile is kept.
with opened as (
  insert into warning (id, condition, subject, level, cause, reason, facts, device_id, lineage_id, opened_at, level_at)
  select id, condition, subject, level, cause, reason, facts, device, lineage, $1::timestamptz, $1
    from jsonb_to_recordset($2::jsonb)
           as n (id uuid, condition text, subject text, level text, cause text, reason text, facts jsonb, device uuid, lineage uuid)
  returning id
), changed as (
  update warning w
     set level = c.level, level_at = c."levelAt", cause = c.cause, reason = c.reason, facts = c.facts,
         device_id = c.device, lineage_id = c.lineage, well_since = c."wellSince", closed_at = c."closedAt",
         acknowledged_at = case when not c."isRaised" then w.acknowledged_at end,
         acknowledged_by = case when not c."isRaised" then w.acknowledged_by end,
         snoozed_until = case when not c."isRaised" then w.snoozed_until end,
         snoozed_by = case when not c."isRaised" then w.snoozed_by end
    from jsonb_to_recordset($3::jsonb)
           as c (id uuid, level text, "levelAt" timestamptz, cause text, reason text, facts jsonb, device uuid, lineage uuid,
                 "wellSince" timestamptz, "closedAt" timestamptz, "isRaised" boolean)
   where w.id = c.id and w.closed_at is null
  returning w.id
), crossed as (
  insert into crossing (warning_id, channel, kind, at)
  select warning, channel, kind, $1
    from jsonb_to_recordset($4::jsonb) as k (warning uuid, channel text, kind text)
  on conflict (warning_id, channel, kind) do nothing
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $1, event, 'service', facts from jsonb_to_recordset($5::jsonb) as a (event text, facts jsonb)
)
select (select count(*) from opened)::int + (select count(*) from changed)::int as written
