-- What active hosts say of themselves: most say the same, so that the rows are few. Null: nothing yet.
select r.facts, count(*)::int as hosts
  from device d
  left join host_report r on r.device_id = d.id
 where d.state = 'active'
 group by r.facts
 order by hosts desc
 limit 1000
