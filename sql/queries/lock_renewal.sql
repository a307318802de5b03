-- Holds a renewal that is worked on, and its device as it is, until the transaction ends. The lineage must be the
-- device's; a suspended or retired device is seen as such.
select d.state
  from renewal r
  join lineage l on l.id = r.lineage_id
  join device d on d.id = l.device_id
 where r.id = $1 and d.id = $2 and r.lease_until is not null
   for update of r for share of d
