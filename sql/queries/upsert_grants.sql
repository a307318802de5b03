-- Grants of an authorization; those that the device has for the same profile and place are renewed, others stay.
insert into device_grant (id, device_id, profile, dns_names, ip_addresses, uris, place, granted_by, granted_at)
select id, $1, profile, array(select jsonb_array_elements_text(names -> 'dnsNames')),
       array(select jsonb_array_elements_text(names -> 'ipAddresses')), array(select jsonb_array_elements_text(names -> 'uris')),
       place, $3, $4::timestamptz
  from jsonb_to_recordset($2::jsonb) as g (id uuid, profile text, place text, names jsonb)
on conflict (device_id, profile, place) do update
   set dns_names = excluded.dns_names, ip_addresses = excluded.ip_addresses, uris = excluded.uris,
       granted_by = excluded.granted_by, granted_at = excluded.granted_at
returning id
