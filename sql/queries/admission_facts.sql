-- What decides whether the host of lineage $1 gets its renewal at $2: what was admitted within $3 seconds before, and who
-- else was told to wait within $4 seconds and ends earlier.
with hour as (
  select lineage_id, admitted_at, not is_outside_ceiling and refusals is null as is_counted
    from renewal where admitted_at > $2::timestamptz - make_interval(secs => $3)
), own as (
  select c.not_before, c.not_after, r.serial_number is not null as is_revoked
    from lineage l
    join certificate c on c.fingerprint = l.newest_certificate
    left join revocation r using (issuer_id, serial_number)
   where l.id = $1
)
select o.not_before, o.not_after, coalesce(o.is_revoked, false) as is_revoked, h.counted, h.earliest_counted, h.own_count,
       h.earliest_own, w.nearer
  from (select count(*) filter (where is_counted)::int as counted,
               min(admitted_at) filter (where is_counted) as earliest_counted,
               count(*) filter (where lineage_id = $1)::int as own_count,
               min(admitted_at) filter (where lineage_id = $1) as earliest_own
          from hour) h
  left join own o on true
  cross join lateral (
    select count(*)::int as nearer
      from lineage l join certificate c on c.fingerprint = l.newest_certificate
     where l.asked_at > $2 - make_interval(secs => $4) and l.id <> $1 and c.not_after < o.not_after
  ) w
