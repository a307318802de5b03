-- Revokes serial numbers ($1, $2) for $3 at $4 by $5. What is revoked already stays as it is, but for a compromise of the
-- key that becomes known later. Where the newest certificate of an active device goes, its successor is due at once. A row
-- for each that changed; `fingerprint` is null where nothing has come of the intent yet. Which other one of a lineage serves
-- now is decided by keep_serving.sql afterwards.
with asked as (
  select distinct issuer_id, serial_number from unnest($1::text[], $2::text[]) as a (issuer_id, serial_number)
), revoked as (
  insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
  select issuer_id, serial_number, $3::text, $4::timestamptz, $5::text from asked order by issuer_id, serial_number
  on conflict (issuer_id, serial_number) do update set reason_code = excluded.reason_code
   where excluded.reason_code = 'keyCompromise' and revocation.reason_code <> 'keyCompromise'
  returning issuer_id, serial_number
), known as (
  select i.issuer_id, i.serial_number, i.profile, i.lineage_id, c.fingerprint, c.device_id
    from revoked r
    join issuance_intent i using (issuer_id, serial_number)
    left join certificate c using (issuer_id, serial_number)
), pulled as (
  update lineage l
     set renew_at = least(l.renew_at, $4), pulled_at = $4, pulled_by = $5, pulled_because = 'revoked: ' || $3
    from known k, device d
   where l.newest_certificate = k.fingerprint and d.id = l.device_id and d.state = 'active'
), ended as (
  update certificate_use u set is_serving = false from known k where u.fingerprint = k.fingerprint and k.lineage_id is null and u.is_serving
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'certificate.revoked', $5,
         jsonb_build_object('certificate', fingerprint, 'serial', serial_number, 'issuer', issuer_id, 'profile', profile,
                            'device', device_id, 'lineage', lineage_id, 'reasonCode', $3)
    from known
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'certificate.revoked', issuer_id || ':' || serial_number,
         jsonb_build_object('certificate', fingerprint, 'serial', serial_number, 'profile', profile, 'reasonCode', $3), $4
    from known
)
select issuer_id, serial_number, fingerprint from known
