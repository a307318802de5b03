-- A page of what was revoked, the last one first; ($1, $2) is where the last page ended. A null profile ($4) does not filter.
select c.fingerprint, c.profile, c.serial_number, c.subject_common_name, c.not_before, c.not_after, c.device_id, d.host_name,
       c.lineage_id, l.place, r.reason_code, r.revoked_at, false as is_serving, u.superseded_at, u.warning_at, u.critical_at
  from revocation r
  join certificate c using (issuer_id, serial_number)
  left join certificate_use u on u.fingerprint = c.fingerprint
  left join device d on d.id = c.device_id
  left join lineage l on l.id = c.lineage_id
 where r.revoked_at <= $1 and (r.revoked_at, c.fingerprint) < ($1::timestamptz, $2::text)
   and ($4::text is null or c.profile = $4)
 order by r.revoked_at desc, c.fingerprint desc
 limit $3
