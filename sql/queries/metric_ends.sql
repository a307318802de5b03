-- The nearest ends of what serves, at most $1 of lineages and as many of certificates without lineage that did not end
-- before $2. Ends are cut before anything is joined to them; twice as many are looked at, for those of hosts that are not
-- active or may not have them any more.
(select l.id as lineage_id, l.profile, l.place, d.host_name as host, u.not_after
   from (select lineage_id, not_after
           from certificate_use
          where is_serving and lineage_id is not null
          order by not_after
          limit 2 * $1::int) u
   join lineage l on l.id = u.lineage_id
   join device d on d.id = l.device_id and d.state = 'active'
   join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  order by u.not_after
  limit $1)
 union all
(select null, c.profile, '', c.subject_common_name, u.not_after
   from (select fingerprint, not_after
           from certificate_use
          where is_serving and lineage_id is null and not_after >= $2::timestamptz
          order by not_after
          limit $1) u
   join certificate c using (fingerprint))
