-- What is known of some lineages ($1), for a look at them: as lineage_facts.sql has it, with the issuers of their
-- certificates and how present their hosts are. The state is decided from this and the clock (domain/standings/).
with looked as (
  select * from lineage where id = any ($1::uuid[])
), host as (
  select x.device_id, min(extract(epoch from c.not_after - c.not_before))::float8 as shortest_lifetime,
         min(s.critical_at) as first_critical_at
    from lineage x
    join device_grant g on g.device_id = x.device_id and g.profile = x.profile and g.place = x.place
    join certificate c on c.fingerprint = x.newest_certificate
    left join certificate_use s on s.lineage_id = x.id and s.is_serving
   where x.device_id in (select device_id from looked)
   group by x.device_id
)
select l.id, l.device_id, d.host_name, d.state as device_state, l.profile, l.place, l.created_at, l.has_spire_agent,
       g.id is not null as is_granted, l.renew_at, l.pulled_at, l.pulled_by, l.pulled_because, l.asked_at, l.last_error,
       l.failures, a.id as attempt_id, a.admitted_at, a.lease_until,
       n.fingerprint as newest_fingerprint, n.serial_number as newest_serial_number, n.not_before as newest_not_before,
       n.not_after as newest_not_after, n.issued_at as newest_issued_at, nu.installed_at as newest_installed_at,
       nu.confirmed_at as newest_confirmed_at, nu.confirmed_by as newest_confirmed_by,
       nr.serial_number is not null as newest_is_revoked,
       u.fingerprint as used_fingerprint, u.serial_number as used_serial_number, u.not_before as used_not_before,
       u.not_after as used_not_after, u.issued_at as used_issued_at, u.installed_at as used_installed_at,
       u.confirmed_at as used_confirmed_at, u.confirmed_by as used_confirmed_by, u.is_revoked as used_is_revoked,
       n.issuer_id as newest_issuer, u.issuer_id as used_issuer, nr.revoked_at as newest_revoked_at,
       d.last_seen_at, h.shortest_lifetime, h.first_critical_at
  from looked l
  join device d on d.id = l.device_id
  left join host h on h.device_id = l.device_id
  left join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  left join renewal a on a.lineage_id = l.id and a.lease_until is not null
  left join certificate n on n.fingerprint = l.newest_certificate
  left join certificate_use nu on nu.fingerprint = l.newest_certificate
  left join revocation nr on nr.issuer_id = n.issuer_id and nr.serial_number = n.serial_number
  left join lateral (
    select c.fingerprint, c.serial_number, c.not_before, c.not_after, c.issued_at, c.issuer_id, x.installed_at,
           x.confirmed_at, x.confirmed_by, r.serial_number is not null as is_revoked
      from certificate_use x
      join certificate c using (fingerprint)
      left join revocation r on r.issuer_id = c.issuer_id and r.serial_number = c.serial_number
     where x.lineage_id = l.id and x.confirmed_at is not null
     order by x.confirmed_at desc, c.issued_at desc
     limit 1
  ) u on true
