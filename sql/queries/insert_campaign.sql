-- A campaign and its members ($6), with a line of the audit. No row: one of this name is not over yet.
with planned as (
  insert into campaign (id, name, plan, state, created_by, created_at, changed_at)
  values ($1, $2, $3, 'planned', $4, $5, $5)
  on conflict (name) where state in ('planned', 'running', 'paused') do nothing
  returning id, name
), members as (
  insert into campaign_member (campaign_id, lineage_id, wave, service_class, state, from_certificate)
  select p.id, m.lineage, m.wave, m.class, 'waiting', m.certificate
    from planned p, jsonb_to_recordset($6::jsonb) as m (lineage uuid, wave integer, class text, certificate text)
  returning lineage_id
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $5::timestamptz, 'campaign.planned', $4::text,
         jsonb_build_object('campaign', id, 'name', name, 'plan', $3::jsonb, 'members', (select count(*) from members))
    from planned
)
select id from planned
