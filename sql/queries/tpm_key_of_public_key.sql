-- Keys of a TPM with this SubjectPublicKeyInfo: none of them is certified as a software key.
select name from tpm_key where spki_sha256 = $1
