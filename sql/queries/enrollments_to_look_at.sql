-- Hosts that wait for an approval; what was proved before $1 has lapsed. Not more than a person could read.
select ek_fingerprint, host_name, id, updated_at
  from enrollment
 where state = 'pending' and updated_at >= $1::timestamptz
 order by updated_at, id
 limit 1000
