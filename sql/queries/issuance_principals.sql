-- Who was issued the most from $1 to $2: the first $3.
select principal, count(*)::int as issued
  from audit_event
 where at > $1::timestamptz and at <= $2::timestamptz and event = 'certificate.issued'
 group by principal
 order by count(*) desc, principal
 limit $3
