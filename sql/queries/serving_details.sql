-- What the report tells of certificates ($1): what it stands on included, the EK certificate that ends last, and the trust
-- bundle that its host said it has.
select c.fingerprint, c.issuer_id, c.profile, c.serial_number, c.subject_common_name, c.not_before, c.not_after,
       u.warning_at, u.critical_at, u.lineage_id, u.confirmed_at is not null as is_confirmed,
       l.newest_certificate is distinct from c.fingerprint and l.id is not null as is_older,
       d.id as device_id, d.host_name, d.last_seen_at, e.endorsement_not_after, g.trust_generation
  from certificate c
  join certificate_use u using (fingerprint)
  left join lineage l on l.id = u.lineage_id
  left join device d on d.id = c.device_id
  left join lateral (
    select max(k.certificate_not_after) as endorsement_not_after from endorsement_key k where k.device_id = d.id
  ) e on true
  left join lateral (
    select (h.report ->> 'trustGeneration')::int as trust_generation from host_report h where h.device_id = d.id
  ) g on true
 where c.fingerprint = any ($1::text[])
