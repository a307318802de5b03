-- The row of a channel $1, whose lock is the turn.
insert into channel_turn (channel) values ($1) on conflict (channel) do nothing returning channel
