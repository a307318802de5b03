-- The place of one certificate: whether it serves, from when on its end is near, and whose it is.
select coalesce(u.is_serving, false) as is_serving, u.warning_at, u.critical_at, u.superseded_at, d.host_name, l.place
  from certificate c
  left join certificate_use u on u.fingerprint = c.fingerprint
  left join device d on d.id = c.device_id
  left join lineage l on l.id = c.lineage_id
 where c.fingerprint = $1
