-- The firmware that the TPM of a device attested last: TPMS_ATTEST.firmwareVersion.
update device set attested_firmware = $2::numeric where id = $1 returning id
