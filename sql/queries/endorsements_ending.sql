-- Hosts of whose TPM every EK certificate ends by $1, with the one that ends last. An EK that was proved without a
-- certificate has no end.
select distinct on (e.device_id) e.device_id, d.host_name, e.fingerprint, e.certificate_not_after as not_after
  from endorsement_key e
  join device d on d.id = e.device_id and d.state = 'active'
 where e.certificate_not_after <= $1::timestamptz
   and not exists (select from endorsement_key o
                    where o.device_id = e.device_id and (o.certificate_not_after is null or o.certificate_not_after > $1))
 order by e.device_id, e.certificate_not_after desc, e.fingerprint
