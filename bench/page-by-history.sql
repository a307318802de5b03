-- The page of the expiry report before which certificate serves was stored, as it stood; kept to be measured against.
(select c.fingerprint, c.device_id, d.host_name, c.profile, c.serial_number, c.subject_common_name, c.not_before,
        c.not_after, null::text as fault, null::jsonb as places
   from certificate c
   left join device d on d.id = c.device_id
  where ($1::timestamptz is null or c.not_after <= $1)
    and ($2::timestamptz is null or (c.not_after, c.fingerprint) > ($2, $3::text))
    and not exists (select from revocation r where r.issuer_id = c.issuer_id and r.serial_number = c.serial_number)
    and (c.lineage_id is null
         or not exists (select from certificate n where n.lineage_id = c.lineage_id and n.not_after > c.not_after))
    and (c.lineage_id is not null
         or not exists (select from certificate n
                         where n.lineage_id is null and n.profile = c.profile
                           and n.subject_common_name = c.subject_common_name
                           and (n.dns_names, n.ip_addresses, n.uris) = (c.dns_names, c.ip_addresses, c.uris)
                           and (n.not_after, n.fingerprint) > (c.not_after, c.fingerprint)))
    and (c.lineage_id is not null or c.not_after >= $5::timestamptz)
    and (d.id is null or d.state <> 'retired')
  order by c.not_after, c.fingerprint
  limit $4)
 union all
(select distinct on (u.not_after, u.fingerprint)
        u.fingerprint, u.device_id, d.host_name, null, null, u.subject, u.not_before, u.not_after, u.fault, p.places
   from unmanaged_certificate u
   join device d on d.id = u.device_id and d.state <> 'retired'
   cross join lateral (
     select jsonb_agg(jsonb_build_object('hostName', s.host_name, 'path', s.path)) as places
       from (select e.host_name, o.path
               from unmanaged_certificate o
               join device e on e.id = o.device_id and e.state <> 'retired'
              where o.not_after = u.not_after and o.fingerprint = u.fingerprint
              order by e.host_name, o.path limit 20) s) p
  where ($1 is null or u.not_after <= $1)
    and ($2 is null or (u.not_after, u.fingerprint) > ($2, $3))
    and (coalesce(u.fault, 'expired') <> 'expired' or u.not_after >= $5)
    and not exists (select from certificate c where c.fingerprint = u.fingerprint)
  order by u.not_after, u.fingerprint, u.fault is distinct from 'softwareKeyDevId', u.fault is null, d.host_name, u.path
  limit $4)
 order by not_after, fingerprint
 limit $4
