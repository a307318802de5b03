-- $1 endpoints as they were seen the last time.
select endpoint, looked_at, coalesce(reachable_at >= looked_at, false) as is_reachable,
       case jsonb_typeof(findings) when 'array' then jsonb_array_length(findings) else 0 end as findings, served_not_after
  from probe
 order by endpoint
 limit $1::int
