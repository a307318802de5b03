-- The public key of certificate $1 was compromised, as became known at $2: no certificate is issued for it any more. An
-- issuance that is being recorded for this key has its row; it is waited for.
update public_key k set compromised_at = coalesce(k.compromised_at, $2)
  from certificate c
 where c.fingerprint = $1 and k.spki_sha256 = c.spki_sha256
returning k.spki_sha256
