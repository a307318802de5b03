-- Certificates that end after $1 and stand on two hosts, or on another than the one that they were issued to, with the
-- places. What a host says of itself is all that this is known from.
with found as (
  select m.fingerprint, m.device_id, d.host_name, m.path, m.subject
    from unmanaged_certificate m
    join device d on d.id = m.device_id and d.state = 'active'
   where m.not_after > $1::timestamptz
), shared as (
  select fingerprint from found group by fingerprint having count(distinct device_id) > 1
  union
  select f.fingerprint from found f
    join certificate c on c.fingerprint = f.fingerprint and c.device_id <> f.device_id
)
select f.fingerprint, min(f.subject) as subject, min(o.id::text) as owner_id, min(o.host_name) as owner_name,
       jsonb_agg(jsonb_build_object('deviceId', f.device_id, 'hostName', f.host_name, 'path', f.path)
                 order by f.host_name, f.path) as places
  from shared
  join found f using (fingerprint)
  left join certificate c on c.fingerprint = f.fingerprint
  left join device o on o.id = c.device_id
 group by f.fingerprint
