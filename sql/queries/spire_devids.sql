-- DevID certificates of the devices that end after $1, or of device $2, each with its place in its lineage and what is
-- known of its use: every one of them may be the agent of a SPIRE server.
select d.id as device_id, d.host_name, d.state = 'active' as is_active, l.id as lineage_id, l.has_spire_agent,
       l.newest_certificate = c.fingerprint as is_newest, c.fingerprint, c.der, i.certificate as issuer_der, c.not_after,
       r.serial_number is not null as is_revoked, u.installed_at, u.confirmed_at, u.confirmed_by
  from lineage l
  join device d on d.id = l.device_id
  join certificate c on c.lineage_id = l.id
  join issuer i on i.id = c.issuer_id
  left join revocation r on (r.issuer_id, r.serial_number) = (c.issuer_id, c.serial_number)
  left join certificate_use u on u.fingerprint = c.fingerprint
 where l.profile = 'devid' and c.not_after > $1 and ($2::uuid is null or d.id = $2)
 order by d.host_name, l.place, c.issued_at desc, c.fingerprint
