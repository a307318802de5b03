-- Devices, the newest first, after the one that the last page ended with ($1, $2; null for the first page).
select d.id, d.host_name, d.state, d.keylime_uuid, d.created_at, d.last_seen_at
  from device d
 where $1::timestamptz is null or (d.created_at, d.id) < ($1::timestamptz, $2::uuid)
 order by d.created_at desc, d.id desc
 limit $3
