-- Every agent of Keylime with its host, those that are held or fail first.
select k.agent_uuid, k.device_id, d.host_name, k.is_registered, k.operational_state, k.attestation_status,
       k.last_successful_attestation, k.state_since, k.failing_since, k.passing_since, k.held_at, k.let_through_until,
       k.word_at, k.first_seen_at, k.seen_at
  from keylime_agent k
  left join device d on d.id = k.device_id
 order by k.held_at is null, k.failing_since is null, d.host_name nulls last, k.agent_uuid
 limit $1
