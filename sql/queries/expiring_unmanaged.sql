-- A page of what hosts report and this service did not make: once each, the worst fault first, with the places where it is.
-- $1 to $4, $7 and $8 as in serving_page.sql. What ended before $5 was given up, unless its host finds another fault with it
-- than that. $6: only what this device has. A fault is a warning at least, and a DevID for a software key critical.
with found as (
  select u.*, d.host_name, d.last_seen_at,
         case when u.critical_at <= $8::timestamptz or u.fault = 'softwareKeyDevId' then 'critical'
              when u.warning_at <= $8 or u.fault is not null then 'warning' else 'ok' end as level
    from unmanaged_certificate u
    join device d on d.id = u.device_id and d.state <> 'retired'
   where u.not_after <= coalesce($1::timestamptz, 'infinity')
     and (u.not_after, u.fingerprint) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::text, ''))
     and ($6::uuid is null or u.device_id = $6)
     and (coalesce(u.fault, 'expired') <> 'expired' or u.not_after >= $5::timestamptz)
     and not exists (select from certificate c where c.fingerprint = u.fingerprint)
), first as (
  select distinct on (not_after, fingerprint) *
    from found
   order by not_after, fingerprint, fault is distinct from 'softwareKeyDevId', fault is null, host_name, path
)
select f.fingerprint, f.device_id, f.host_name, f.last_seen_at, f.subject, f.not_before, f.not_after, f.level, f.fault, p.places
  from first f
 cross join lateral (
   select jsonb_agg(jsonb_build_object('hostName', s.host_name, 'path', s.path)) as places
     from (select e.host_name, o.path
             from unmanaged_certificate o
             join device e on e.id = o.device_id and e.state <> 'retired'
            where o.not_after = f.not_after and o.fingerprint = f.fingerprint
            order by e.host_name, o.path limit 20) s) p
 where $7::text is null or f.level = $7
 order by f.not_after, f.fingerprint
 limit $4
