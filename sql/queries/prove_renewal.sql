-- What a renewal proved, and the firmware that its TPM attested (null: nothing was certified).
with proved as (
  update renewal set evidence = $2::jsonb where id = $1 returning id, lineage_id
), seen as (
  update device d set attested_firmware = $3::numeric
    from proved p join lineage l on l.id = p.lineage_id
   where d.id = l.device_id and $3::numeric is not null and d.attested_firmware is distinct from $3::numeric
)
select id from proved
