-- What was issued since $1, by hour, out of the audit, whose index by time is all that is read.
select date_trunc('hour', at, 'UTC') as hour, count(*) as count
  from audit_event
 where at >= $1 and event = 'certificate.issued'
 group by 1
