-- The certificates of a lineage, the newest first.
select c.fingerprint, c.serial_number, c.not_before, c.not_after, c.issued_at, u.installed_at, u.confirmed_at, u.confirmed_by,
       u.superseded_at, coalesce(u.is_serving, false) as is_serving, r.revoked_at, r.reason_code
  from certificate c
  left join certificate_use u on u.fingerprint = c.fingerprint
  left join revocation r on (r.issuer_id, r.serial_number) = (c.issuer_id, c.serial_number)
 where c.lineage_id = $1
 order by c.not_after desc, c.fingerprint desc
 limit $2
