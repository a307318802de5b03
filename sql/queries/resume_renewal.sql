-- Takes over a renewal whose lease has ended without a result. One row for one caller.
update renewal set lease_until = $3::timestamptz
 where id = $1 and lease_until <= $2::timestamptz and fingerprint is null and refusals is null
returning id
