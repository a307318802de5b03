-- The same of one profile ($6). What has ended is looked for among what serves, which is little; the rest by profile, of which
-- most that has not ended ($7 is now) serves. The limits of one row keep both in the order of their index.
with page as (
  (select u.fingerprint, u.not_after
     from certificate_use u
    cross join lateral (select from certificate where fingerprint = u.fingerprint and profile = $6 limit 1) c
    where u.is_serving and u.lineage_id is not null and u.not_after < $7::timestamptz and u.not_after <= $1
      and (u.not_after, u.fingerprint) > ($3::timestamptz, $4::text)
    order by u.not_after, u.fingerprint
    limit $5)
  union all
  (select u.fingerprint, u.not_after
     from certificate_use u
    cross join lateral (select from certificate where fingerprint = u.fingerprint and profile = $6 limit 1) c
    where u.is_serving and u.lineage_id is null and u.not_after < $7 and u.not_after >= $2 and u.not_after <= $1
      and (u.not_after, u.fingerprint) > ($3::timestamptz, $4::text)
    order by u.not_after, u.fingerprint
    limit $5)
  union all
  (select c.fingerprint, c.not_after
     from certificate c
    cross join lateral (select from certificate_use where fingerprint = c.fingerprint and is_serving limit 1) u
    where c.profile = $6 and c.not_after >= $7 and c.not_after <= $1
      and (c.not_after, c.fingerprint) > ($3::timestamptz, $4::text)
    order by c.not_after, c.fingerprint
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
