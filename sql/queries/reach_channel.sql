-- A channel $1 took a message at $2 that was none of its queue: it does not fail any more.
insert into channel_turn (channel, delivered_at) values ($1, $2)
on conflict (channel) do update set delivered_at = excluded.delivered_at, failing_since = null, rest_until = null,
       last_error = null
returning channel
