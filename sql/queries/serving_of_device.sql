-- What serves at device $5, by end of validity, with the parameters of serving_page.sql.
select u.fingerprint, u.not_after
  from lineage l
  join certificate_use u on u.lineage_id = l.id and u.is_serving
 where l.device_id = $5
   and u.not_after <= coalesce($1::timestamptz, 'infinity')
   and (u.not_after, u.fingerprint) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::text, ''))
   and ($6::text is null or l.profile = $6)
   and ($7::text is null or case when u.critical_at <= $8::timestamptz then 'critical'
                                 when u.warning_at <= $8 then 'warning' else 'ok' end = $7)
 order by u.not_after, u.fingerprint
 limit $4
