-- Requests since $1 that were refused because their device is suspended or retired, or because their key belongs to another
-- holder, by whom they came from.
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
select e.reason, e.principal, d.id as device_id, coalesce(min(d.host_name), min(n.host_name), e.principal) as name,
       count(*)::int as requests, max(e.at) as last
  from each_of e
  left join device d on 'device:' || d.id = e.principal
  left join enrollment n on 'enrollment:' || n.id = e.principal
 group by e.reason, e.principal, d.id
