-- Publishes a trust bundle. No row: one of this generation, or a later one, is there already.
with published as (
  insert into trust_bundle (generation, cms, published_by, published_at)
  select $1::integer, $2::bytea, $3::text, $4::timestamptz
   where not exists (select from trust_bundle where generation >= $1::integer)
  on conflict do nothing
  returning generation
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'trustBundle.published', $3, $5::jsonb || jsonb_build_object('generation', generation) from published
)
select generation from published
