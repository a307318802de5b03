-- How lineages stand ($2): whether each is late, and whether it keeps failing (null: as before). Each crossing is told once
-- however many look: the update waits for whoever is telling it, and then finds nothing to change. A lineage that is well
-- again may be told anew the next time.
with looked as (
  select * from jsonb_to_recordset($2::jsonb) as k (lineage uuid, late boolean, failing boolean, reason text)
), changed as (
  update lineage l
     set late_told_at = case when k.late then coalesce(l.late_told_at, $1::timestamptz) end,
         failed_told_at = case when k.failing then coalesce(l.failed_told_at, $1)
                               when k.failing is null then l.failed_told_at end
    from looked k
   where l.id = k.lineage
     and (k.late <> (l.late_told_at is not null) or k.failing <> (l.failed_told_at is not null))
  returning l.id, l.device_id, l.profile, l.place, l.newest_certificate, l.last_error, l.failures, k.reason,
            k.late and l.late_told_at = $1 as is_late, k.failing and l.failed_told_at = $1 as is_failing
), told as (
  select c.*, k.kind
    from changed c, (values ('late'), ('failed')) as k (kind)
   where case k.kind when 'late' then c.is_late else c.is_failing end
), facts as (
  select t.id, t.kind, t.reason,
         jsonb_build_object('lineage', t.id, 'device', t.device_id, 'hostName', d.host_name, 'profile', t.profile,
                            'place', t.place, 'certificate', t.newest_certificate, 'notAfter', n.not_after,
                            'reason', t.reason, 'lastError', t.last_error, 'failures', t.failures) as facts
    from told t
    join device d on d.id = t.device_id
    left join certificate n on n.fingerprint = t.newest_certificate
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $1, 'lineage.' || kind, 'service', facts from facts
  union all
  select $1, 'lineage.wellAgain', 'service', jsonb_build_object('lineage', id)
    from changed where not coalesce(is_late, false) and not coalesce(is_failing, false)
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'alarm', id::text, facts || jsonb_build_object('event', 'lineage.' || kind), $1 from facts
)
select id, kind, reason from facts
