-- The audit, the newest first, before the line that the last page ended with ($1, $2; null for the first page): an event or a
-- family of them ($3), what somebody did ($4: a principal, or all that begin with it and a colon), what a device did or what
-- is about it ($5), where these are given. Without a match it reads the whole audit: the time limit of statements ends that.
select id, at, event, principal, facts
  from audit_event
 where ($1::timestamptz is null or (at, id) < ($1::timestamptz, $2::bigint))
   and ($3::text is null or event = $3 or starts_with(event, $3 || '.'))
   and ($4::text is null or principal = $4 or starts_with(principal, $4 || ':'))
   and ($5::text is null or principal = 'device:' || $5 or facts ->> 'device' = $5)
 order by at desc, id desc
 limit $6
