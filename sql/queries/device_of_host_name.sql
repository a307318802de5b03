-- The device that holds a host name.
select d.id, d.host_name, d.state, d.keylime_uuid, d.created_at, d.last_seen_at from device d where d.host_name = $1 and d.state <> 'retired'
