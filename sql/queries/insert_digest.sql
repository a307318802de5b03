-- The digest of a day for a channel: id $1, channel $2, cause $3, message $4, at $5; with $6 there was nothing to say, and
-- the row only marks the day.
insert into delivery (id, channel, kind, cause, message, created_at, due_at, concluded_at, outcome)
values ($1, $2, 'digest', $3, $4, $5::timestamptz, $5, case when $6::boolean then $5 end, case when $6 then 'withdrawn' end)
on conflict (channel, cause) where kind = 'digest' do nothing
returning id
