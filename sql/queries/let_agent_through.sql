-- Somebody ($3) says at $4 that the gate shall not hold agent $1 before $2.
with changed as (
  update keylime_agent set let_through_until = $2::timestamptz, held_at = null where agent_uuid = $1 returning *
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4::timestamptz, 'attestation.letThrough', $3::text,
         jsonb_build_object('agent', agent_uuid, 'device', device_id, 'until', let_through_until)
    from changed
)
select k.agent_uuid, k.device_id, d.host_name, k.is_registered, k.operational_state, k.attestation_status,
       k.last_successful_attestation, k.state_since, k.failing_since, k.passing_since, k.held_at, k.let_through_until,
       k.word_at, k.first_seen_at, k.seen_at
  from changed k
  left join device d on d.id = k.device_id
