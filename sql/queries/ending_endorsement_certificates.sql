-- A page of EK certificates that end by $1, after ($2, $3), at most $4; $5: only those of this device. Those of retired
-- devices matter to nobody.
select e.fingerprint, e.device_id, d.host_name, d.last_seen_at, e.manufacturer, e.model, e.certificate_not_after
  from endorsement_key e
  join device d on d.id = e.device_id and d.state <> 'retired'
 where e.certificate_not_after <= $1::timestamptz
   and (e.certificate_not_after, e.fingerprint) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::text, ''))
   and ($5::uuid is null or e.device_id = $5)
 order by e.certificate_not_after, e.fingerprint
 limit $4
