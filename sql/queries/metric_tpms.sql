-- Active devices by the maker of their TPM, as the certificate of an EK says; null where none has one.
select k.manufacturer, count(*)::int as devices
  from device d
  left join (select device_id, max(manufacturer) as manufacturer from endorsement_key group by device_id) k on k.device_id = d.id
 where d.state = 'active'
 group by k.manufacturer
