-- The same of everything that was ever issued.
(select c.fingerprint
   from device d
   join certificate c on c.device_id = d.id
  where d.host_name ~>=~ $1 and d.host_name ~<~ $2
  order by d.host_name using ~<~
  limit $4)
union
(select fingerprint
   from certificate
  where lower(subject_common_name) ~>=~ $1 and lower(subject_common_name) ~<~ $2 and lineage_id is null
  order by lower(subject_common_name) using ~<~
  limit $4)
union
(select fingerprint from certificate where (dns_names || ip_addresses || uris) @> array[$3::text] limit $4)
