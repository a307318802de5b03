-- Lineages of active devices by profile, lifetime and the hour in which they are due, up to $2; what is due by $1 is
-- overdue and stands at $1.
select l.profile, case when l.renew_at <= $1 then $1::timestamptz else date_trunc('hour', l.renew_at, 'UTC') end as at,
       extract(epoch from c.not_after - c.not_before)::float8 as lifetime, count(*)::int as lineages
  from lineage l
  join device d on d.id = l.device_id and d.state = 'active'
  join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  join certificate c on c.fingerprint = l.newest_certificate
 where l.renew_at < $2::timestamptz
 group by 1, 2, 3
