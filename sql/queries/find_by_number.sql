-- Certificates by hex: the beginning of a fingerprint ($1 up to $2), a serial number ($1), or all of a device by its
-- endorsement key or its Keylime UUID ($1). At most $3 of each.
(select fingerprint from certificate where fingerprint >= $1 and fingerprint < $2 limit $3)
union
(select fingerprint from certificate where serial_number = $1 limit $3)
union
(select c.fingerprint
   from endorsement_key k
   join certificate c on c.device_id = k.device_id
  where k.fingerprint = $1
  limit $3)
union
(select c.fingerprint
   from device d
   join certificate c on c.device_id = d.id
  where d.keylime_uuid = $1
  limit $3)
