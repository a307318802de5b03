-- What Keylime says of one device.
select agent_uuid, is_registered, operational_state, attestation_status, last_successful_attestation, state_since, held_at, seen_at
  from keylime_agent
 where device_id = $1
 order by agent_uuid
 limit 20
