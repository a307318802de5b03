-- The first members of a campaign that failed.
select m.lineage_id, d.host_name, l.profile, l.place, m.error, m.concluded_at
  from campaign_member m
  join lineage l on l.id = m.lineage_id
  join device d on d.id = l.device_id
 where m.campaign_id = $1 and m.state = 'failed'
 order by m.concluded_at, m.lineage_id
 limit $2
