-- A device was heard of, with its signature. At most once a minute: many requests must not contend for its row.
update device set last_seen_at = $2::timestamptz
 where id = $1 and last_seen_at <= $2::timestamptz - interval '1 minute'
returning id
