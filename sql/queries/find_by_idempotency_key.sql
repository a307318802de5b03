-- What became of the request that used this Idempotency-Key within the 24 hours before $3.
select q.body_sha256, i.issuer_id, i.serial_number, i.lease_until, i.outcome,
       c.fingerprint, c.der, c.profile, c.subject_common_name, c.dns_names, c.ip_addresses, c.uris,
       c.spki_sha256, c.not_before, c.not_after, c.principal, c.device_id, c.lineage_id, c.issued_at, r.reason_code, r.revoked_at,
       l.renew_at
  from idempotent_request q
  join issuance_intent i using (issuer_id, serial_number)
  left join certificate c using (issuer_id, serial_number)
  left join revocation r using (issuer_id, serial_number)
  left join lineage l on l.id = c.lineage_id and l.newest_certificate = c.fingerprint
 where q.principal = $1 and q.key = $2 and q.created_at >= $3::timestamptz - interval '24 hours'
