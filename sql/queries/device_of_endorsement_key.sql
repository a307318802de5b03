-- The device that an EK belongs to, retired ones included.
select d.id, d.host_name, d.state, d.keylime_uuid, d.created_at, d.last_seen_at
  from endorsement_key e join device d on d.id = e.device_id
 where e.fingerprint = $1
