-- What serves under a name: of hosts whose name begins so ($1 up to $2), of what belongs to no lineage by its common name, and
-- whatever carries exactly this name ($3). At most $4 of each.
(select u.fingerprint
   from device d
   join lineage l on l.device_id = d.id
   join certificate_use u on u.lineage_id = l.id and u.is_serving
  where d.host_name ~>=~ $1 and d.host_name ~<~ $2
  order by d.host_name using ~<~
  limit $4)
union
(select c.fingerprint
   from certificate c
   join certificate_use u using (fingerprint)
  where lower(c.subject_common_name) ~>=~ $1 and lower(c.subject_common_name) ~<~ $2 and c.lineage_id is null and u.is_serving
  order by lower(c.subject_common_name) using ~<~
  limit $4)
union
(select c.fingerprint
   from certificate c
   join certificate_use u using (fingerprint)
  where (c.dns_names || c.ip_addresses || c.uris) @> array[$3::text] and u.is_serving
  limit $4)
