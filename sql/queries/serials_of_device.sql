-- What was signed, or is about to be signed, for device $1 and had not ended at $2.
select c.issuer_id, c.serial_number, c.lineage_id
  from lineage l join certificate c on c.lineage_id = l.id
 where l.device_id = $1 and c.not_after >= $2
 union all
select i.issuer_id, i.serial_number, i.lineage_id
  from issuance_intent i join lineage l on l.id = i.lineage_id
 where i.outcome is null and l.device_id = $1
