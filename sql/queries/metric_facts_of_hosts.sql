-- $1 active hosts with what they say of themselves, those in trouble first.
select d.host_name, r.facts
  from host_report r
  join device d on d.id = r.device_id and d.state = 'active'
 where r.facts is not null
 order by r.facts @> '{"tpm": {"inLockout": true}}' or r.facts @> '{"tpm": {"present": false}}'
          or r.facts @> '{"spireAgent": {"healthy": false}}' or r.facts @> '{"keylimeAgent": {"listening": false}}' desc,
          d.host_name
 limit $1::int
