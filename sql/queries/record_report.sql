-- The report of a host: its last word, its lineages ($5), its unmanaged certificates ($6) in place of the last ones, and
-- the events ($7) that somebody made of what turned. A confirmed newest certificate whose predecessor is in place (again)
-- is not in use: the lineage is open again. Only lineages of this device are touched, whatever $5 says. That is an alarm;
-- what else is not well is found by looks. Of alarms a host raises at most a hundred an hour, as in record_notice.sql; the
-- audit has them all.
with said as (
  insert into host_report (device_id, reported_at, agent_version, report) values ($1, $2, $3, $4)
  on conflict (device_id) do update
     set reported_at = excluded.reported_at, agent_version = excluded.agent_version, report = excluded.report
), seen as (
  update device set last_seen_at = greatest(last_seen_at, $2::timestamptz) where id = $1
), told as (
  select t.*
    from jsonb_to_recordset($5::jsonb)
           as t (id uuid, error jsonb, failures integer, spire boolean, certificate text)
    join lineage l on l.id = t.id and l.device_id = $1
), turned as (
  update lineage l
     set last_error = t.error, failures = t.failures, has_spire_agent = t.spire
    from told t
   where l.id = t.id
), reopened as (
  select l.id, l.newest_certificate, t.certificate
    from told t
    join lineage l on l.id = t.id
    join certificate_use n on n.fingerprint = l.newest_certificate and n.confirmed_at is not null
    join certificate_use o on o.fingerprint = t.certificate and o.lineage_id = l.id
   where t.certificate <> l.newest_certificate
), used as (
  update certificate_use u
     set installed_at = case when u.fingerprint = r.newest_certificate then null else u.installed_at end,
         confirmed_at = case when u.fingerprint = r.newest_certificate then null else u.confirmed_at end,
         confirmed_by = case when u.fingerprint = r.newest_certificate then null else u.confirmed_by end,
         superseded_at = null
    from reopened r
   where u.fingerprint in (r.newest_certificate, r.certificate)
), installed as (
  update certificate_use u set installed_at = $2
    from told t
    join lineage l on l.id = t.id and l.newest_certificate = t.certificate
   where u.fingerprint = t.certificate and u.installed_at is null
), gone as (
  delete from unmanaged_certificate m
   where m.device_id = $1
     and not exists (select from jsonb_to_recordset($6::jsonb) as f (path text) where f.path = m.path)
), found as (
  insert into unmanaged_certificate (device_id, path, fingerprint, subject, issuer, not_before, not_after, fault, reported_at,
                                     warning_at, critical_at)
  select $1, f.path, f.sha256, f.subject, f.issuer, f."notBefore", f."notAfter", f.fault, $2, f."warningAt", f."criticalAt"
    from jsonb_to_recordset($6::jsonb)
           as f (path text, sha256 text, subject text, issuer text, "notBefore" timestamptz, "notAfter" timestamptz, fault text,
                 "warningAt" timestamptz, "criticalAt" timestamptz)
  on conflict (device_id, path) do update
     set fingerprint = excluded.fingerprint, subject = excluded.subject, issuer = excluded.issuer,
         not_before = excluded.not_before, not_after = excluded.not_after, fault = excluded.fault,
         reported_at = excluded.reported_at, warning_at = excluded.warning_at, critical_at = excluded.critical_at
), events as (
  select e.event, false as alarm, e.facts || jsonb_build_object('device', $1::uuid) as facts
    from jsonb_to_recordset($7::jsonb) as e (event text, facts jsonb)
  union all
  select 'lineage.reopened', true,
         jsonb_build_object('lineage', id, 'newest', newest_certificate, 'inPlace', certificate, 'device', $1::uuid)
    from reopened
), audited as (
  insert into audit_event (at, event, principal, facts) select $2::timestamptz, event, $8::text, facts from events
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'alarm', coalesce(facts ->> 'lineage', $1::text),
         facts || jsonb_build_object('event', event, 'principal', $8::text), $2
    from (select *, row_number() over () as n from events where alarm) numbered
   where n + (select count(*) from outbox
               where topic = 'alarm' and facts ->> 'principal' = $8 and created_at > $2 - interval '1 hour') <= 100
)
select count(*)::int as reopened from reopened
