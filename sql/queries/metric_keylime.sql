-- Agents that Keylime knows, by its word for their attestation.
select attestation_status as status, count(*)::int as agents, count(failing_since)::int as failing, count(held_at)::int as held,
       count(device_id)::int as of_devices, max(seen_at) as last_look_at
  from keylime_agent
 group by attestation_status
