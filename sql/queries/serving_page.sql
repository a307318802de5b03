-- A page of what serves, by end of validity; what belongs to no lineage and ended before $5 was given up, and is out. $1:
-- only what ends by then; ($2, $3) is where the last page ended; $6 a profile, and $7 the level at $8. Each half is read in
-- the order of an index of its own, which the bounds cut whatever plan the server keeps: therefore they are never null there.
(select u.fingerprint, u.not_after
   from certificate_use u
  where u.is_serving and u.lineage_id is not null
    and u.not_after <= coalesce($1::timestamptz, 'infinity')
    and (u.not_after, u.fingerprint) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::text, ''))
    and ($7::text is null or case when u.critical_at <= $8::timestamptz then 'critical'
                                  when u.warning_at <= $8 then 'warning' else 'ok' end = $7)
    and ($6::text is null or (select l.profile from lineage l where l.id = u.lineage_id) = $6)
  order by u.not_after, u.fingerprint
  limit $4)
 union all
(select u.fingerprint, u.not_after
   from certificate_use u
  where u.is_serving and u.lineage_id is null
    and u.not_after <= coalesce($1, 'infinity') and u.not_after >= $5::timestamptz
    and (u.not_after, u.fingerprint) > (coalesce($2, '-infinity'), coalesce($3, ''))
    and ($7 is null or case when u.critical_at <= $8 then 'critical' when u.warning_at <= $8 then 'warning' else 'ok' end = $7)
    and ($6 is null or u.alone_profile = $6)
  order by u.not_after, u.fingerprint
  limit $4)
 order by not_after, fingerprint
 limit $4
