-- The nearest ends of what serves, at most $1 of each kind: lineages that have nothing, lineages, and certificates without
-- lineage that did not end before $2.
(select l.id as lineage_id, l.profile, l.place, d.host_name as host, null::timestamptz as not_after
   from lineage l
   join device d on d.id = l.device_id and d.state = 'active'
   join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  where not exists (select from certificate_use u where u.lineage_id = l.id and u.is_serving)
  limit $1::int)
 union all
(select l.id, l.profile, l.place, d.host_name, u.not_after
   from certificate_use u
   join lineage l on l.id = u.lineage_id
   join device d on d.id = l.device_id and d.state = 'active'
   join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  where u.is_serving and u.lineage_id is not null
  order by u.not_after
  limit $1)
 union all
(select null, c.profile, '', c.subject_common_name, u.not_after
   from certificate_use u
   join certificate c using (fingerprint)
  where u.is_serving and u.lineage_id is null and u.not_after >= $2::timestamptz
  order by u.not_after
  limit $1)
