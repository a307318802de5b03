-- An EK joins the set of a device. It is the device's already, or nobody's, or that of a device that is retired; no row:
-- it is another's.
insert into endorsement_key (fingerprint, device_id, public, certificate, manufacturer, model, version, hardware_serial,
                             certificate_not_after, exception, proved_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (fingerprint) do update
   set device_id = excluded.device_id, public = excluded.public,
       certificate = coalesce(excluded.certificate, endorsement_key.certificate), manufacturer = excluded.manufacturer,
       model = excluded.model, version = excluded.version, hardware_serial = excluded.hardware_serial,
       certificate_not_after = excluded.certificate_not_after, exception = excluded.exception, proved_at = excluded.proved_at
 where endorsement_key.device_id = excluded.device_id
    or exists (select from device d where d.id = endorsement_key.device_id and d.state = 'retired')
returning fingerprint
