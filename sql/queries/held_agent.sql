-- An agent of device $1 that the gate holds, by a word of the verifier not older than $2; at $3 nobody let it through.
select k.agent_uuid, k.device_id, d.host_name, k.is_registered, k.operational_state, k.attestation_status,
       k.last_successful_attestation, k.state_since, k.failing_since, k.passing_since, k.held_at, k.let_through_until,
       k.word_at, k.first_seen_at, k.seen_at
  from keylime_agent k
  join device d on d.id = k.device_id
 where k.device_id = $1 and k.held_at is not null and k.word_at >= $2
   and (k.let_through_until is null or k.let_through_until <= $3)
 order by k.held_at
 limit 1
