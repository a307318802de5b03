-- Writes the levels of certificates ($1), where they changed.
with changed as (
  update certificate_use u set warning_at = l.warning_at, critical_at = l.critical_at
    from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) as l (fingerprint, warning_at, critical_at)
   where u.fingerprint = l.fingerprint and (u.warning_at, u.critical_at) is distinct from (l.warning_at, l.critical_at)
  returning 1
)
select count(*)::int as changed from changed
