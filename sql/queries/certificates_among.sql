-- Of the certificates that a search found ($1) a page, what ends first at the top; ($5, $6) is where the last page ended. A null
-- profile ($3) does not filter.
select c.fingerprint, c.profile, c.serial_number, c.subject_common_name, c.not_before, c.not_after, c.device_id, d.host_name,
       c.lineage_id, l.place, r.reason_code, r.revoked_at, coalesce(u.is_serving, false) as is_serving, u.superseded_at,
       u.warning_at, u.critical_at
  from certificate c
  left join certificate_use u on u.fingerprint = c.fingerprint
  left join revocation r on (r.issuer_id, r.serial_number) = (c.issuer_id, c.serial_number)
  left join device d on d.id = c.device_id
  left join lineage l on l.id = c.lineage_id
 where c.fingerprint = any ($1::text[])
   and ($2::text <> 'serving' or u.is_serving)
   and ($2 <> 'revoked' or r.serial_number is not null)
   and ($3::text is null or c.profile = $3)
   and c.not_after <= $4
   and (c.not_after, c.fingerprint) > ($5::timestamptz, $6::text)
 order by c.not_after, c.fingerprint
 limit $7
