-- A renewal ends with refusals ($2): its host gets them again, its lineage counts a failure, and people hear of it.
with ended as (
  update renewal set lease_until = null, concluded_at = $3::timestamptz, refusals = $2::jsonb
   where id = $1 and fingerprint is null and refusals is null
  returning id, lineage_id, concluded_at, refusals
), failed as (
  update lineage l
     set failures = failures + 1,
         last_error = jsonb_build_object('at', to_char(e.concluded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                                         'phase', 'request', 'reason', e.refusals -> 0 ->> 'reason',
                                         'detail', e.refusals -> 0 ->> 'detail')
    from ended e where l.id = e.lineage_id
), audited as (
  insert into audit_event (at, event, principal, facts)
  select concluded_at, 'renewal.refused', $4::text, jsonb_build_object('renewal', id, 'lineage', lineage_id, 'refusals', refusals)
    from ended
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'renewal.refused', id::text, jsonb_build_object('lineage', lineage_id, 'refusals', refusals), concluded_at from ended
)
select id from ended
