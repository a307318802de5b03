-- Hosts that have a UUID of Keylime, and whether they are granted the certificate of an agent.
select d.id, d.host_name, d.state, d.keylime_uuid, d.created_at,
       exists (select from device_grant g where g.device_id = d.id and g.profile = 'keylime-agent') as has_agent
  from device d
 where d.keylime_uuid is not null and d.state <> 'retired'
