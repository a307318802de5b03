-- The newest certificate of a lineage.
select c.fingerprint, c.issuer_id, c.serial_number, c.der, c.profile, c.subject_common_name, c.dns_names, c.ip_addresses, c.uris,
       c.spki_sha256, c.not_before, c.not_after, c.principal, c.device_id, c.lineage_id, c.issued_at, r.reason_code, r.revoked_at,
       l.renew_at
  from certificate c left join revocation r using (issuer_id, serial_number)
  left join lineage l on l.id = c.lineage_id and l.newest_certificate = c.fingerprint
 where c.lineage_id = $1
 order by c.not_after desc, c.issued_at desc
 limit 1
