-- The counts of the expiry report before which certificate serves was stored, as they stood; kept to be measured against.
select count(*) filter (where left_s > warning_s and floor = 0)::int as ok,
       count(*) filter (where floor < 2 and left_s > critical_s and (left_s <= warning_s or floor = 1))::int as warning,
       count(*) filter (where left_s <= critical_s or floor = 2)::int as critical
  from (select extract(epoch from not_after - $1::timestamptz) as left_s,
               least($2::float8, extract(epoch from not_after - not_before) / 3) as warning_s,
               least($3::float8, extract(epoch from not_after - not_before) / 12) as critical_s,
               floor
          from (select c.not_before, c.not_after, 0 as floor
                  from certificate c
                  left join device d on d.id = c.device_id
                 where not exists (select from revocation r where r.issuer_id = c.issuer_id and r.serial_number = c.serial_number)
                   and (c.lineage_id is null
                        or not exists (select from certificate n where n.lineage_id = c.lineage_id and n.not_after > c.not_after))
                   and (c.lineage_id is not null
                        or not exists (select from certificate n
                                        where n.lineage_id is null and n.profile = c.profile
                                          and n.subject_common_name = c.subject_common_name
                                          and (n.dns_names, n.ip_addresses, n.uris) = (c.dns_names, c.ip_addresses, c.uris)
                                          and (n.not_after, n.fingerprint) > (c.not_after, c.fingerprint)))
                   and (c.lineage_id is not null or c.not_after >= $4::timestamptz)
                   and (d.id is null or d.state <> 'retired')
                 union all
                select min(u.not_before), u.not_after,
                       max(case when u.fault = 'softwareKeyDevId' then 2 when u.fault is not null then 1 else 0 end)
                  from unmanaged_certificate u
                  join device d on d.id = u.device_id and d.state <> 'retired'
                 where (coalesce(u.fault, 'expired') <> 'expired' or u.not_after >= $4)
                   and not exists (select from certificate c where c.fingerprint = u.fingerprint)
                 group by u.not_after, u.fingerprint) listed) in_use
