-- Deliveries, the newest first, of one channel ($1, null for all), after the one that the last page ended with ($2, $3).
select id, channel, kind, message ->> 'title' as title, created_at, attempts, outcome, concluded_at, last_error
  from delivery
 where ($1::text is null or channel = $1)
   and ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc
 limit $4
