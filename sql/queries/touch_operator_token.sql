-- Records a use, at most once a minute: many requests of one token must not contend for its row.
update operator_token set last_used_at = $2::timestamptz
 where id = $1 and (last_used_at is null or last_used_at <= $2::timestamptz - interval '1 minute')
returning id
