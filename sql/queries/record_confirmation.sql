-- The use of a certificate, with what it stands on. $6 is what follows: `confirmed` (older ones of the lineage are
-- superseded), `installed` (somebody else has the last word), or `reopened` (an older one is in use after all, so that the
-- newest is not). A later confirmation of a lesser kind does not lower the kind. Alarms have
-- the limit of record_notice.sql.
with used as (
  update certificate_use u
     set installed_at = coalesce(u.installed_at, $3::timestamptz),
         confirmed_at = case when $6 = 'installed' then u.confirmed_at else $3 end,
         confirmed_by = case when $6 = 'installed' then u.confirmed_by
                             when array_position(array['host', 'probe', 'spire', 'operator'], u.confirmed_by)
                                  > array_position(array['host', 'probe', 'spire', 'operator'], $4) then u.confirmed_by
                             else $4 end,
         superseded_at = case when $6 = 'installed' then u.superseded_at end
   where u.fingerprint = $1 and u.lineage_id = $2
  returning u.fingerprint, u.lineage_id
), superseded as (
  update certificate_use u set superseded_at = $3
    from used, certificate c, certificate o
   where $6 = 'confirmed' and u.lineage_id = $2 and u.superseded_at is null and c.fingerprint = $1
     and o.fingerprint = u.fingerprint and u.fingerprint <> $1 and o.issued_at <= c.issued_at
), unconfirmed as (
  update certificate_use u set confirmed_at = null, confirmed_by = null
    from used, lineage l
   where $6 = 'reopened' and l.id = $2 and u.fingerprint = l.newest_certificate and u.fingerprint <> $1
), placed as (
  update lineage l
     set has_spire_agent = coalesce($8::boolean, l.has_spire_agent),
         last_error = case when $6 = 'confirmed' then null else l.last_error end,
         failures = case when $6 = 'confirmed' then 0 else l.failures end
    from used where l.id = $2
), kept as (
  insert into confirmation (fingerprint, at, confirmed_by, principal, evidence)
  select fingerprint, $3, $4, $5::text, $7::jsonb from used
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $3, case $6 when 'reopened' then 'lineage.reopened' else 'certificate.' || $6 end, $5,
         jsonb_build_object('certificate', fingerprint, 'lineage', lineage_id, 'by', $4::text)
    from used
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'alarm', lineage_id::text,
         jsonb_build_object('event', 'lineage.reopened', 'certificate', fingerprint, 'lineage', lineage_id, 'principal', $5), $3
    from used
   where $6 = 'reopened'
     and (select count(*) from outbox
           where topic = 'alarm' and facts ->> 'principal' = $5 and created_at > $3 - interval '1 hour') < 100
)
select fingerprint from used
