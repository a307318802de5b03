-- Members of a campaign by wave and state, with the first fifty host names of each wave.
select m.wave,
       count(*) filter (where m.state = 'waiting')::int as waiting,
       count(*) filter (where m.state = 'released')::int as released,
       count(*) filter (where m.state = 'confirmed')::int as confirmed,
       count(*) filter (where m.state = 'failed')::int as failed,
       (array_agg(distinct d.host_name order by d.host_name))[1:50] as hosts
  from campaign_member m
  join lineage l on l.id = m.lineage_id
  join device d on d.id = l.device_id
 where m.campaign_id = $1
 group by m.wave
 order by m.wave
