-- Forgets which intent answers an Idempotency-Key, if it is still the one that was abandoned.
delete from idempotent_request where principal = $1 and key = $2 and serial_number = $3 returning key
