-- How many that serve are a warning, and critical, at $1: of what serves only those near their end are read. What belongs
-- to no lineage and ended before $2 was given up.
select count(*) filter (where critical_at > $1)::int as warning,
       count(*) filter (where critical_at <= $1)::int
         - (select count(*) from certificate_use where is_serving and lineage_id is null and not_after < $2::timestamptz)::int
         as critical
  from certificate_use where is_serving and warning_at <= $1::timestamptz
