-- A renewal that was admitted; its host waits for nobody any more.
with inserted as (
  insert into renewal (id, lineage_id, body_sha256, admitted_at, is_outside_ceiling, is_recovery, lease_until, request)
  values ($1, $2, $3, $4::timestamptz, $5, $6, $7::timestamptz, $8)
  returning id, lineage_id, admitted_at, is_outside_ceiling, is_recovery
), placed as (
  update lineage set asked_at = null where id = $2
), audited as (
  insert into audit_event (at, event, principal, facts)
  select i.admitted_at, 'renewal.admitted', 'device:' || l.device_id,
         jsonb_build_object('renewal', i.id, 'lineage', i.lineage_id, 'outsideCeiling', is_outside_ceiling,
                            'recovery', is_recovery)
    from inserted i join lineage l on l.id = i.lineage_id
)
select id from inserted
