-- Nobody works on this activation any more, and it has no result: the next retransmission goes on.
update enrollment set lease_until = null, updated_at = $3::timestamptz
 where id = $1 and activation_sha256 = $2 and state = 'authorized'
returning id
