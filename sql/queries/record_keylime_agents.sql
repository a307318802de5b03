-- The agents of Keylime as they are after a look at $2, in place of all before; of a device that is gone nothing is kept.
-- What the gate did ($3) goes into the audit with it.
with said as (
  select s.*, d.id as device_id
    from jsonb_to_recordset($1::jsonb)
           as s (agent text, device uuid, registered boolean, state integer, status text, attested timestamptz,
                 since timestamptz, failing timestamptz, passing timestamptz, held timestamptz, through timestamptz,
                 word timestamptz, first timestamptz, seen timestamptz)
    left join device d on d.id = s.device
), gone as (
  delete from keylime_agent k where not exists (select from said s where s.agent = k.agent_uuid)
), kept as (
  insert into keylime_agent (agent_uuid, device_id, is_registered, operational_state, attestation_status,
                             last_successful_attestation, state_since, failing_since, passing_since, held_at,
                             let_through_until, word_at, first_seen_at, seen_at)
  select agent, device_id, registered, state, status, attested, since, failing, passing, held, through, word, first, seen
    from said
  on conflict (agent_uuid) do update
     set device_id = excluded.device_id, is_registered = excluded.is_registered,
         operational_state = excluded.operational_state, attestation_status = excluded.attestation_status,
         last_successful_attestation = excluded.last_successful_attestation, state_since = excluded.state_since,
         failing_since = excluded.failing_since, passing_since = excluded.passing_since, held_at = excluded.held_at,
         let_through_until = excluded.let_through_until, word_at = excluded.word_at, seen_at = excluded.seen_at
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $2::timestamptz, e.event, 'service', e.facts from jsonb_to_recordset($3::jsonb) as e (event text, facts jsonb)
)
select count(*)::int as agents from said
