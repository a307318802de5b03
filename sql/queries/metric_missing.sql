-- At most $1 lineages of active hosts that may have a certificate and have none. Asked only when there are any.
select l.id as lineage_id, l.profile, l.place, d.host_name as host, null::timestamptz as not_after
  from lineage l
  join device d on d.id = l.device_id and d.state = 'active'
  join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
 where not exists (select from certificate_use u where u.lineage_id = l.id and u.is_serving)
 limit $1::int
