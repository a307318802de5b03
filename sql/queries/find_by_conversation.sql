-- Every attempt to issue for one conversation (an enrollment or a renewal) and lineage, oldest first.
select null as body_sha256, i.issuer_id, i.serial_number, i.lease_until, i.outcome,
       c.fingerprint, c.der, c.profile, c.subject_common_name, c.dns_names, c.ip_addresses, c.uris,
       c.spki_sha256, c.not_before, c.not_after, c.principal, c.device_id, c.lineage_id, c.issued_at, r.reason_code, r.revoked_at,
       l.renew_at
  from issuance_intent i
  left join certificate c using (issuer_id, serial_number)
  left join revocation r using (issuer_id, serial_number)
  left join lineage l on l.id = c.lineage_id and l.newest_certificate = c.fingerprint
 where i.conversation_id = $1 and i.lineage_id = $2
 order by i.recorded_at
