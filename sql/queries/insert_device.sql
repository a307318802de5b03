-- A new device. No row: another one has its name or its EK.
insert into device (id, host_name, state, keylime_uuid, created_at, last_seen_at)
values ($1, $2, 'active', $3, $4, $4)
on conflict do nothing
returning id
