-- What was said of the use of one certificate, oldest first; a host that says it again and again is cut off.
select at, confirmed_by, principal, evidence -> 'observed' as observed
  from confirmation
 where fingerprint = $1
 order by id
 limit 50
