-- What a device may have from now on ($2), and nothing else. Each grant has its lineage, so that its host can come for it.
with asked as (
  select id, profile, place, names from jsonb_to_recordset($2::jsonb) as g (id uuid, profile text, place text, names jsonb)
), withdrawn as (
  delete from device_grant d
   where d.device_id = $1 and not exists (select from asked a where a.profile = d.profile and a.place = d.place)
), granted as (
  insert into device_grant (id, device_id, profile, dns_names, ip_addresses, uris, place, granted_by, granted_at)
  select id, $1, profile, array(select jsonb_array_elements_text(names -> 'dnsNames')),
         array(select jsonb_array_elements_text(names -> 'ipAddresses')), array(select jsonb_array_elements_text(names -> 'uris')),
         place, $3, $4::timestamptz
    from asked
  on conflict (device_id, profile, place) do update
     set dns_names = excluded.dns_names, ip_addresses = excluded.ip_addresses, uris = excluded.uris,
         granted_by = excluded.granted_by, granted_at = excluded.granted_at
), placed as (
  insert into lineage (id, device_id, profile, place, created_at)
  select gen_random_uuid(), $1, profile, place, $4 from asked
  on conflict (device_id, profile, place) do nothing
), audited as (
  insert into audit_event (at, event, principal, facts)
  values ($4, 'device.grantsReplaced', $3, jsonb_build_object('device', $1::uuid, 'grants', $2::jsonb))
)
select 1 as done
