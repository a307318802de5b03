-- A page of hosts by name, after the device $4: of a state ($1), with a text in the name or exactly as id, Keylime UUID or
-- endorsement key ($2), where these are given. Certificates that serve are counted by level at $3.
select d.id, d.host_name, d.state, d.last_seen_at, d.attested_firmware::text, k.manufacturer, k.model, k.version,
       coalesce(c.total, 0) as total, coalesce(c.warning, 0) as warning, coalesce(c.critical, 0) as critical,
       coalesce(w.warnings, 0) as warnings, coalesce(w.criticals, 0) as criticals, w.not_seen
  from device d
  left join device last on last.id = $4::uuid
  left join lateral (
    select manufacturer, model, version from endorsement_key where device_id = d.id order by proved_at, fingerprint limit 1) k on true
  left join lateral (
    select count(*)::int as total,
           (count(*) filter (where u.critical_at <= $3::timestamptz))::int as critical,
           (count(*) filter (where u.warning_at <= $3 and u.critical_at > $3))::int as warning
      from lineage l
      join certificate_use u on u.lineage_id = l.id and u.is_serving
     where l.device_id = d.id) c on true
  left join lateral (
    select (count(*) filter (where level = 'warning'))::int as warnings,
           (count(*) filter (where level = 'critical'))::int as criticals,
           min(level) filter (where condition = 'hostNotSeen') as not_seen
      from warning
     where device_id = d.id and closed_at is null) w on true
 where ($1::text is null or d.state = $1)
   and ($2::text is null or position($2 in d.host_name) > 0 or d.id::text = $2 or d.keylime_uuid = $2
        or exists (select from endorsement_key e where e.device_id = d.id and e.fingerprint = $2))
   and ($4::uuid is null or (d.host_name, d.id) > (last.host_name, last.id))
 order by d.host_name, d.id
 limit $5
