-- How many EK certificates end by $1 and not by $2 (a warning), and by $2 (critical).
select count(*) filter (where e.certificate_not_after > $2::timestamptz)::int as warning,
       count(*) filter (where e.certificate_not_after <= $2)::int as critical
  from endorsement_key e
  join device d on d.id = e.device_id and d.state <> 'retired'
 where e.certificate_not_after <= $1::timestamptz
