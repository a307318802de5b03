-- Records a use, at most once a minute: the pages that one browser asks for at once must not contend for the row.
update web_session set last_used_at = $2::timestamptz
 where id_sha256 = $1 and last_used_at <= $2::timestamptz - interval '1 minute'
returning token_id
