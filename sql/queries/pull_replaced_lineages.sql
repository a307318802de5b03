-- A device is active again: lineages whose newest certificate was revoked, or has ended, are due at once.
update lineage l
   set renew_at = least(l.renew_at, $2::timestamptz), pulled_at = $2, pulled_by = $3::text, pulled_because = 'device resumed'
  from certificate c
 where l.device_id = $1 and c.fingerprint = l.newest_certificate
   and (c.not_after < $2 or exists (select from revocation r where (r.issuer_id, r.serial_number) = (c.issuer_id, c.serial_number)))
returning l.id
