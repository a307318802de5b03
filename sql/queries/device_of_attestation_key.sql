-- The device under which a Name is known as an AK, and whether it uses that AK now.
select d.id, d.host_name, d.state, d.keylime_uuid, d.created_at, d.last_seen_at, k.replaced_at is null as is_current
  from tpm_key k join device d on d.id = k.device_id
 where k.name = $1 and k.role = 'attestation'
