-- A page of what serves now, what ends first at the top; ($3, $4) is where the last page ended. Each half has an index of its
-- own in that order. What belongs to no lineage and ended before $2 was given up.
with page as (
  (select fingerprint, not_after
     from certificate_use
    where is_serving and lineage_id is not null and not_after <= $1
      and (not_after, fingerprint) > ($3::timestamptz, $4::text)
    order by not_after, fingerprint
    limit $5)
  union all
  (select fingerprint, not_after
     from certificate_use
    where is_serving and lineage_id is null and not_after <= $1 and not_after >= $2
      and (not_after, fingerprint) > ($3::timestamptz, $4::text)
    order by not_after, fingerprint
    limit $5)
)
select c.fingerprint, c.profile, c.serial_number, c.subject_common_name, c.not_before, c.not_after, c.device_id, d.host_name,
       c.lineage_id, l.place, null::text as reason_code, null::timestamptz as revoked_at, u.is_serving, u.superseded_at,
       u.warning_at, u.critical_at
  from (select fingerprint, not_after from page order by not_after, fingerprint limit $5) p
  join certificate c using (fingerprint)
  join certificate_use u using (fingerprint)
  left join device d on d.id = c.device_id
  left join lineage l on l.id = c.lineage_id
 order by p.not_after, p.fingerprint
