-- The AK of a device that counts now (TPM2B_PUBLIC).
select public from tpm_key
 where device_id = $1 and role = 'attestation' and replaced_at is null
 order by created_at desc
 limit 1
