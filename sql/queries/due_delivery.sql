-- The delivery of a channel $1 that is due at $2, the oldest; none while the channel rests. One that somebody else is at,
-- or that somebody claims just now, is left to him. The claim is the lock of the row until its lease is written. No pause and
-- no lease is two hours long: what is further ahead was written by a wrong clock, and nobody waits for it.
select d.id, d.kind, d.created_at, d.attempts, d.failures, d.message, t.failing_since,
       d.kind = 'digest' and exists (select from delivery o where o.channel = d.channel and o.kind = 'digest'
                                                              and o.created_at > d.created_at) as is_outdated
  from delivery d
  left join channel_turn t on t.channel = d.channel
 where d.channel = $1 and d.concluded_at is null
   and (d.due_at <= $2::timestamptz or d.due_at > $2 + interval '2 hours')
   and (d.lease_until is null or d.lease_until <= $2 or d.lease_until > $2 + interval '2 hours')
   and (t.rest_until is null or t.rest_until <= $2 or t.rest_until > $2 + interval '2 hours')
 order by d.created_at, d.id
 limit 1
   for update of d skip locked
