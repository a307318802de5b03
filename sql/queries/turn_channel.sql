-- A channel $1 was looked after at $2, and nothing was left undone. One that fails keeps the instant at which it last did not.
insert into channel_turn (channel, turned_at) values ($1, $2)
on conflict (channel) do update set turned_at = excluded.turned_at where channel_turn.failing_since is null
returning channel
