-- Ends the lease without a result: the next retransmission resumes.
update renewal set lease_until = $2::timestamptz
 where id = $1 and lease_until > $2 and fingerprint is null and refusals is null
returning id
