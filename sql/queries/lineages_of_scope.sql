-- The lineages that an operator means: of active devices that may still have them, with the newest certificate. Null
-- parameters do not filter; firmware ($6 to $7) only matches where a TPM attested it.
select l.id, d.host_name, l.profile, l.place, c.fingerprint, c.not_after
  from lineage l
  join device d on d.id = l.device_id and d.state = 'active'
  join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
  join certificate c on c.fingerprint = l.newest_certificate
 where ($1::uuid is null or l.device_id = $1)
   and ($2::text is null or l.profile = $2)
   and ($3::text is null or c.issuer_id = $3)
   and ($4::text is null or exists (
         select from endorsement_key e
          where e.device_id = d.id and e.manufacturer = $4 and ($5::text is null or e.model = $5)))
   and ($6::numeric is null or d.attested_firmware between $6 and $7::numeric)
