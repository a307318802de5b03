-- Active hosts that did not call after $1, with what their silence is measured by: the shortest lifetime of what they may
-- have, and the first end of what serves there.
select d.id as device_id, d.host_name, d.last_seen_at, k.shortest_lifetime, k.first_critical_at, k.first_not_after, k.serving
  from device d
  cross join lateral (
    select min(extract(epoch from c.not_after - c.not_before))::float8 as shortest_lifetime,
           min(s.critical_at) as first_critical_at, min(s.not_after) as first_not_after,
           count(s.fingerprint)::int as serving
      from lineage l
      join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
      join certificate c on c.fingerprint = l.newest_certificate
      left join certificate_use s on s.lineage_id = l.id and s.is_serving
     where l.device_id = d.id
  ) k
 where d.state = 'active' and d.last_seen_at <= $1
