-- $1 active hosts of which the verifier speaks, those that do not pass first. Of several agents of one host the worst counts.
select d.host_name, bool_and(k.failing_since is null and k.passing_since is not null) as is_passing,
       max(k.last_successful_attestation) as last_successful_attestation
  from keylime_agent k
  join device d on d.id = k.device_id and d.state = 'active'
 where k.word_at is not null
 group by d.host_name
 order by is_passing, d.host_name
 limit $1::int
