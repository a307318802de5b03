-- A page of what is in use, by end of validity: the newest certificate of each lineage, and every certificate that
-- belongs to none; revoked ones are out. $1: only those that end by then; ($2, $3) is where the last page ended.
select c.fingerprint, c.device_id, d.host_name, c.profile, c.serial_number, c.subject_common_name, c.not_before, c.not_after
  from certificate c
  left join device d on d.id = c.device_id
 where ($1::timestamptz is null or c.not_after <= $1)
   and ($2::timestamptz is null or (c.not_after, c.fingerprint) > ($2, $3::text))
   and not exists (select from revocation r where r.issuer_id = c.issuer_id and r.serial_number = c.serial_number)
   and (c.lineage_id is null
        or not exists (select from certificate n where n.lineage_id = c.lineage_id and n.not_after > c.not_after))
   and (d.id is null or d.state <> 'retired')
 order by c.not_after, c.fingerprint
 limit $4
