-- Which certificate of each of these lineages ($1) serves: the last one confirmed, else the newest, and none that was
-- revoked or whose device is retired. A statement of its own, behind those that changed something and with their lineages
-- locked: it sees what others have committed meanwhile, and of two that change the facts the second decides by both.
with best as (
  select l.id as lineage_id,
         case when d.state <> 'retired' then coalesce(
           (select u.fingerprint
              from certificate_use u
              join certificate c using (fingerprint)
              left join revocation r using (issuer_id, serial_number)
             where u.lineage_id = l.id and u.confirmed_at is not null and r.serial_number is null
             order by u.confirmed_at desc, c.issued_at desc limit 1),
           (select c.fingerprint
              from certificate c
              left join revocation r using (issuer_id, serial_number)
             where c.fingerprint = l.newest_certificate and r.serial_number is null),
           (select c.fingerprint
              from certificate c
              left join revocation r using (issuer_id, serial_number)
             where c.lineage_id = l.id and r.serial_number is null
             order by c.issued_at desc, c.fingerprint desc limit 1)) end as fingerprint
    from lineage l
    join device d on d.id = l.device_id
   where l.id = any ($1::uuid[])
), stopped as (
  update certificate_use u set is_serving = false
    from best b
   where u.lineage_id = b.lineage_id and u.is_serving and u.fingerprint is distinct from b.fingerprint
  returning u.fingerprint
), started as (
  -- One serves at a time: the other one ends first.
  update certificate_use u set is_serving = true
    from best b
   where u.fingerprint = b.fingerprint and not u.is_serving and (select count(*) from stopped) >= 0
  returning u.fingerprint
)
select (select count(*) from stopped)::int + (select count(*) from started)::int as changed
