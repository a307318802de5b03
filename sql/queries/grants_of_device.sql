-- What a device may have.
select profile, dns_names, ip_addresses, uris, place
  from device_grant
 where device_id = $1
 order by profile, place
