-- Certificates that serve without a lineage, by profile and level at $1. One that ended before $2 was given up, as in the
-- expiry report.
select alone_profile as profile,
       count(*) filter (where not_after > $1::timestamptz and warning_at > $1)::int as ok,
       count(*) filter (where not_after > $1 and warning_at <= $1 and critical_at > $1)::int as warning,
       count(*) filter (where not_after > $1 and critical_at <= $1)::int as critical,
       count(*) filter (where not_after <= $1)::int as ended,
       0 as missing
  from certificate_use
 where is_serving and lineage_id is null and not_after >= $2::timestamptz and alone_profile is not null
 group by alone_profile
