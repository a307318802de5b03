-- How devices stand at $4: TPM, certificates that serve, what the host said last, open warnings. Newest first, after the one
-- that the last page ended with ($1, $2), at most $3; retired ones are not in it.
select d.id, d.host_name, d.state, d.created_at, d.last_seen_at, e.manufacturer, e.model, e.certificate_not_after,
       u.ok, u.warning, u.critical, u.nearest, h.trust_generation, w.warnings, w.criticals
  from (
    select * from device
     where state <> 'retired'
       and (created_at, id) < (coalesce($1::timestamptz, 'infinity'), coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     order by created_at desc, id desc
     limit $3
  ) d
  left join lateral (
    select k.manufacturer, k.model, k.certificate_not_after
      from endorsement_key k where k.device_id = d.id order by k.proved_at desc, k.fingerprint limit 1
  ) e on true
 cross join lateral (
    select count(*) filter (where x.warning_at > $4::timestamptz)::int as ok,
           count(*) filter (where x.warning_at <= $4 and x.critical_at > $4)::int as warning,
           count(*) filter (where x.critical_at <= $4)::int as critical,
           min(x.not_after) as nearest
      from lineage l join certificate_use x on x.lineage_id = l.id and x.is_serving
     where l.device_id = d.id
  ) u
  left join lateral (
    select (r.report ->> 'trustGeneration')::int as trust_generation from host_report r where r.device_id = d.id
  ) h on true
 cross join lateral (
    select count(*) filter (where v.level = 'warning')::int as warnings,
           count(*) filter (where v.level = 'critical')::int as criticals
      from warning v where v.device_id = d.id and v.closed_at is null
  ) w
 order by d.created_at desc, d.id desc
