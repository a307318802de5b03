-- Certificates that serve without a lineage, by profile and level at $1. One that ended before $2 was given up, as in the
-- expiry report.
select c.profile,
       count(*) filter (where u.not_after > $1::timestamptz and u.warning_at > $1)::int as ok,
       count(*) filter (where u.not_after > $1 and u.warning_at <= $1 and u.critical_at > $1)::int as warning,
       count(*) filter (where u.not_after > $1 and u.critical_at <= $1)::int as critical,
       count(*) filter (where u.not_after <= $1)::int as ended,
       0 as missing
  from certificate_use u
  join certificate c using (fingerprint)
 where u.is_serving and u.lineage_id is null and u.not_after >= $2::timestamptz
 group by c.profile
