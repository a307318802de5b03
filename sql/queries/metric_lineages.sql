-- Lineages of active hosts that may have them, by profile: the level of what serves each at $1, how many have nothing, are
-- due, or failed the last time. One pass over the lineages, and of certificates only those that serve.
select l.profile,
       count(*) filter (where u.not_after > $1::timestamptz and u.warning_at > $1)::int as ok,
       count(*) filter (where u.not_after > $1 and u.warning_at <= $1 and u.critical_at > $1)::int as warning,
       count(*) filter (where u.not_after > $1 and u.critical_at <= $1)::int as critical,
       count(*) filter (where u.not_after <= $1)::int as ended,
       count(*) filter (where u.lineage_id is null)::int as missing,
       count(*) filter (where l.renew_at <= $1)::int as due,
       count(*) filter (where l.failures > 0)::int as failing
  from lineage l
  join device d on d.id = l.device_id and d.state = 'active'
  join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  left join certificate_use u on u.lineage_id = l.id and u.is_serving
 group by l.profile
