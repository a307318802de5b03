-- One device.
select d.id, d.host_name, d.state, d.keylime_uuid, d.created_at, d.last_seen_at from device d where d.id = $1
