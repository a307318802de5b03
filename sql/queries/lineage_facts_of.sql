-- What is known of these lineages ($1), in the columns of lineage_facts.sql.
select l.id, l.device_id, d.host_name, d.state as device_state, l.profile, l.place, l.created_at, l.has_spire_agent,
       g.id is not null as is_granted, l.renew_at, l.pulled_at, l.pulled_by, l.pulled_because, l.asked_at, l.last_error,
       l.failures, a.id as attempt_id, a.admitted_at, a.lease_until,
       n.fingerprint as newest_fingerprint, n.serial_number as newest_serial_number, n.not_before as newest_not_before,
       n.not_after as newest_not_after, n.issued_at as newest_issued_at, nu.installed_at as newest_installed_at,
       nu.confirmed_at as newest_confirmed_at, nu.confirmed_by as newest_confirmed_by,
       nr.serial_number is not null as newest_is_revoked,
       u.fingerprint as used_fingerprint, u.serial_number as used_serial_number, u.not_before as used_not_before,
       u.not_after as used_not_after, u.issued_at as used_issued_at, u.installed_at as used_installed_at,
       u.confirmed_at as used_confirmed_at, u.confirmed_by as used_confirmed_by, u.is_revoked as used_is_revoked
  from lineage l
  join device d on d.id = l.device_id
  left join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  left join renewal a on a.lineage_id = l.id and a.lease_until is not null
  left join certificate n on n.fingerprint = l.newest_certificate
  left join certificate_use nu on nu.fingerprint = l.newest_certificate
  left join revocation nr on nr.issuer_id = n.issuer_id and nr.serial_number = n.serial_number
  left join lateral (
    select c.fingerprint, c.serial_number, c.not_before, c.not_after, c.issued_at, x.installed_at, x.confirmed_at,
           x.confirmed_by, r.serial_number is not null as is_revoked
      from certificate_use x
      join certificate c using (fingerprint)
      left join revocation r on r.issuer_id = c.issuer_id and r.serial_number = c.serial_number
     where x.lineage_id = l.id and x.confirmed_at is not null
     order by x.confirmed_at desc, c.issued_at desc
     limit 1
  ) u on true
 where l.id = any ($1::uuid[])
