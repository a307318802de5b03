-- $1 active hosts that Keylime knows, the failing ones first.
select distinct on (k.failing_since is null, d.host_name)
       d.host_name, k.failing_since is not null as is_failing, k.last_successful_attestation
  from keylime_agent k
  join device d on d.id = k.device_id and d.state = 'active'
 order by k.failing_since is null, d.host_name, k.last_successful_attestation desc nulls last
 limit $1::int
