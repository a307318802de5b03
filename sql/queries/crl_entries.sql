-- What a CRL of issuer $1 lists: everything revoked whose certificate had not ended by $2.
select v.serial_number, v.reason_code, v.revoked_at
  from revocation v join issuance_intent i using (issuer_id, serial_number)
 where v.issuer_id = $1 and i.not_after >= $2
 order by v.revoked_at, v.serial_number
