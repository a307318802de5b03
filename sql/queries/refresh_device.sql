-- A device has proved itself again. No row: it is suspended or retired.
update device
   set last_seen_at = greatest(last_seen_at, $3::timestamptz), keylime_uuid = coalesce(keylime_uuid, $2)
 where id = $1 and state = 'active'
returning id
