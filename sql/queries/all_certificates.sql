-- A page of everything that was ever issued, what ends last at the top; ($2, $3) is where the last page ended.
select c.fingerprint, c.profile, c.serial_number, c.subject_common_name, c.not_before, c.not_after, c.device_id, d.host_name,
       c.lineage_id, l.place, r.reason_code, r.revoked_at, coalesce(u.is_serving, false) as is_serving, u.superseded_at,
       u.warning_at, u.critical_at
  from (select fingerprint, not_after
          from certificate
         where not_after <= $1 and (not_after, fingerprint) < ($2::timestamptz, $3::text)
         order by not_after desc, fingerprint desc
         limit $4) p
  join certificate c using (fingerprint)
  left join certificate_use u on u.fingerprint = c.fingerprint
  left join revocation r on (r.issuer_id, r.serial_number) = (c.issuer_id, c.serial_number)
  left join device d on d.id = c.device_id
  left join lineage l on l.id = c.lineage_id
 order by p.not_after desc, p.fingerprint desc
