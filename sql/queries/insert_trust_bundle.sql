-- Publishes a trust bundle. No row: one of this generation, or a later one, is there already, or another that follows on
-- the same one ($6): its signer may be no root any more.
with published as (
  insert into trust_bundle (generation, follows, cms, published_by, published_at)
  select $1::integer, $6::integer, $2::bytea, $3::text, $4::timestamptz
   where not exists (select from trust_bundle where generation >= $1::integer)
  on conflict do nothing
  returning generation
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'trustBundle.published', $3, $5::jsonb || jsonb_build_object('generation', generation) from published
)
select generation from published
