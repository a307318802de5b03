-- Causes of messages about events that were composed after $1.
select distinct cause from delivery where kind = 'event' and created_at > $1
