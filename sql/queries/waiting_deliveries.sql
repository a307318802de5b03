-- Messages composed before $1 that a channel has not taken, by channel.
select channel, count(*)::int as count, min(created_at) as oldest
  from delivery where concluded_at is null and created_at < $1
 group by channel order by channel
