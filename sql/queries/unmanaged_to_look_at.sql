-- Certificates that nobody keeps and that end by $1, or with which their hosts found a fault. What ended before $2 was given
-- up, unless there is another fault with it; what this service issued is looked at elsewhere.
select m.device_id, d.host_name, m.path, m.fingerprint, m.subject, m.not_before, m.not_after, m.fault
  from unmanaged_certificate m
  join device d on d.id = m.device_id and d.state = 'active'
 where (m.not_after between $2::timestamptz and $1::timestamptz or (m.fault is not null and m.fault <> 'expired'))
   and not exists (select from certificate c where c.fingerprint = m.fingerprint)
