-- A page of the inventory by end of validity. Null parameters do not filter; ($7, $8) is where the last page ended.
select c.fingerprint, c.issuer_id, c.serial_number, c.der, c.profile, c.subject_common_name, c.dns_names, c.ip_addresses, c.uris,
       c.spki_sha256, c.not_before, c.not_after, c.principal, c.device_id, c.lineage_id, c.issued_at, r.reason_code, r.revoked_at,
       l.renew_at
  from certificate c left join revocation r using (issuer_id, serial_number)
  left join lineage l on l.id = c.lineage_id and l.newest_certificate = c.fingerprint
 where ($1::timestamptz is null or c.not_after <= $1)
   and ($2::text is null or c.profile = $2)
   and ($3::uuid is null or c.device_id = $3)
   and ($4::text is null or c.serial_number = $4)
   and ($5::text is null or ($5 = 'revoked') = (r.serial_number is not null))
   and ($6::timestamptz is null or c.not_after >= $6)
   and ($7::timestamptz is null or (c.not_after, c.fingerprint) > ($7, $8::text))
 order by c.not_after, c.fingerprint
 limit $9
