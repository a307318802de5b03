-- The end of a turn of the claimed campaign $1 at $2: members that are concluded ($3), members that are released ($4), whose
-- windows are pulled to now, the new state ($5, null keeps it) and its reason ($6). A released lineage that was renewed
-- since the plan is not pulled: its next certificate is on its way already.
with changed as (
  update campaign
     set looked_at = $2, patient_until = $7, state = coalesce($5, state), stop_reason = coalesce($6, stop_reason),
         changed_at = case when $5 is null then changed_at else $2 end
   where id = $1
  returning id, name, state, stop_reason, plan
), concluded as (
  update campaign_member m set state = c.state, concluded_at = $2, error = c.error
    from jsonb_to_recordset($3::jsonb) as c (lineage uuid, state text, error text)
   where m.campaign_id = $1 and m.lineage_id = c.lineage and m.state in ('waiting', 'released')
  returning m.lineage_id, m.state, m.error
), released as (
  update campaign_member m set state = 'released', released_at = $2
   where m.campaign_id = $1 and m.lineage_id = any ($4::uuid[]) and m.state = 'waiting'
  returning m.lineage_id, m.from_certificate
), pulled as (
  update lineage l
     set renew_at = $2, pulled_at = $2, pulled_by = 'campaign:' || c.name, pulled_because = c.plan ->> 'because'
    from released r, changed c
   where l.id = r.lineage_id and l.newest_certificate = r.from_certificate and (l.renew_at is null or l.renew_at > $2)
), events as (
  select 'campaign.released' as event, jsonb_build_object('lineages', jsonb_agg(lineage_id)) as facts
    from released having count(*) > 0
  union all
  select 'campaign.memberFailed', jsonb_build_object('lineage', lineage_id, 'error', error)
    from concluded where state = 'failed'
  union all
  select 'campaign.' || state, jsonb_build_object('reason', stop_reason) from changed where $5 is not null
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $2::timestamptz, e.event, 'service', e.facts || jsonb_build_object('campaign', c.id, 'name', c.name)
    from events e, changed c
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'campaign.' || c.state, c.id::text,
         jsonb_build_object('event', 'campaign.' || c.state, 'campaign', c.id, 'name', c.name, 'reason', c.stop_reason), $2
    from changed c where $5 is not null
)
select id from changed
