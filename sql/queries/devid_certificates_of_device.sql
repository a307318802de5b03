-- The DevID certificates of device $1 that had not ended at $2, whatever their status, the newest first: each is a SPIFFE ID.
select c.fingerprint, c.der, c.issuer_id, c.not_after, c.issued_at, r.serial_number is not null as is_revoked
  from certificate c left join revocation r using (issuer_id, serial_number)
 where c.device_id = $1 and c.profile = 'devid' and c.not_after >= $2
 order by c.issued_at desc, c.fingerprint
