-- Active hosts that do not have a trust bundle which was published before $1, with the first one that they lack.
select d.id as device_id, d.host_name, d.last_seen_at, (h.report ->> 'trustGeneration')::int as generation,
       b.generation as missing_generation, b.published_at as missing_published_at,
       (select max(generation) from trust_bundle) as newest
  from host_report h
  join device d on d.id = h.device_id and d.state = 'active'
  cross join lateral (
    select generation, published_at from trust_bundle
     where generation > (h.report ->> 'trustGeneration')::int
     order by generation limit 1
  ) b
 where (h.report ->> 'trustGeneration')::int
         < (select coalesce(max(generation), 0) from trust_bundle where published_at <= $1::timestamptz)
   and b.published_at <= $1
