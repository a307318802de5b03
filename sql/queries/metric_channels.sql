-- Each channel that anything is known of: its last turn, and what waits for it.
with waiting as (
  select channel, count(*)::int as deliveries, min(created_at) as oldest from delivery where concluded_at is null group by channel
), untold as (
  select channel, count(*)::int as crossings from crossing where delivery_id is null and moot_at is null group by channel
)
select channel, t.turned_at, t.delivered_at, t.failing_since is not null as is_failing,
       coalesce(u.crossings, 0) as crossings_waiting, coalesce(w.deliveries, 0) as deliveries_waiting, w.oldest as oldest_delivery_at
  from channel_turn t
  full join waiting w using (channel)
  full join untold u using (channel)
 order by channel
 limit 100
