-- What is revoked with certificate $1: itself and, when $2, whatever was signed or is about to be signed for its key. The
-- latter is read whole, without an index: a compromise is rare, and issuing is not to pay for it.
select issuer_id, serial_number, lineage_id from certificate where fingerprint = $1
 union
select i.issuer_id, i.serial_number, i.lineage_id
  from certificate c join issuance_intent i using (spki_sha256)
 where $2::boolean and c.fingerprint = $1 and i.outcome is distinct from 'abandoned'
