-- Causes of messages about events that were composed after $1, and not by a wrong clock far ahead of us.
select distinct cause from delivery
 where kind = 'event' and created_at > $1::timestamptz and created_at < $1 + interval '15 minutes'
