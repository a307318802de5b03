-- A channel $1 was looked after at $2, and nothing was left that could have been done.
insert into channel_turn (channel, turned_at) values ($1, $2)
on conflict (channel) do update set turned_at = excluded.turned_at
returning channel
