-- Requests since $1 that were refused because their device is suspended or retired, or because their key belongs to another
-- holder, by whom they came from: of enrollments the host name that they claim, since each attempt is one of its own.
with told as (
  select a.principal, a.at,
         jsonb_path_query_array(a.facts, '$.refusals[*].reason') || coalesce(a.facts -> 'reasons', '[]') as reasons
    from audit_event a
   where a.event in ('renewal.refused', 'enrollment.refused', 'issuance.refused') and a.at > $1::timestamptz
), each_of as (
  select t.principal, t.at, k.reason
    from told t, (values ('deviceNotActive'), ('keyHeldElsewhere')) as k (reason)
   where jsonb_exists(t.reasons, k.reason)
)
select e.reason, k.principal, d.id as device_id, coalesce(min(d.host_name), min(n.host_name), k.principal) as name,
       count(*)::int as requests, max(e.at) as last
  from each_of e
  left join device d on d.id = case when e.principal like 'device:%' then substr(e.principal, 8)::uuid end
  left join enrollment n on n.id = case when e.principal like 'enrollment:%' then substr(e.principal, 12)::uuid end
  cross join lateral (select coalesce('host:' || n.host_name, e.principal) as principal) k
 group by e.reason, k.principal, d.id
 order by requests desc, k.principal
 limit 100
