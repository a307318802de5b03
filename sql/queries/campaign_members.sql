-- The members of a campaign with what is known of their lineages now. A failure is what a target of this lineage says in
-- the last report of its host, when it failed or was rolled back.
select m.lineage_id, m.wave, m.service_class, m.state, m.from_certificate, m.released_at, d.state = 'active' as is_active,
       l.newest_certificate, u.confirmed_at is not null as is_confirmed,
       case when r.state in ('failed', 'rolledBack') then l.last_error end as failure
  from campaign_member m
  join lineage l on l.id = m.lineage_id
  join device d on d.id = l.device_id
  left join certificate_use u on u.fingerprint = l.newest_certificate
  left join lateral (
    select t.value ->> 'state' as state
      from host_report h, jsonb_array_elements(h.report -> 'targets') t
     where h.device_id = l.device_id and t.value ->> 'lineage' = l.id::text
     limit 1
  ) r on m.state = 'released'
 where m.campaign_id = $1
 order by m.wave, m.lineage_id
