-- The EKs that a device has proved, the first one first.
select fingerprint, device_id, public, manufacturer, model, version, hardware_serial, exception, proved_at
  from endorsement_key
 where device_id = $1
 order by proved_at, fingerprint
