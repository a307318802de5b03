-- Channels that are none of $1 any more take nothing: what waits for them since before $2 is given up, at $3.
with deliveries as (
  update delivery set concluded_at = $3::timestamptz, outcome = 'withdrawn', lease_until = null,
                      last_error = 'this channel is not configured any more'
   where concluded_at is null and created_at < $2::timestamptz and channel <> all ($1::text[])
  returning 1
), crossings as (
  update crossing set moot_at = $3
   where delivery_id is null and moot_at is null and at < $2 and channel <> all ($1)
  returning 1
), turns as (
  delete from channel_turn t
   where t.channel <> all ($1) and coalesce(greatest(t.turned_at, t.delivered_at, t.failing_since), $3) < $2
  returning 1
)
select ((select count(*) from deliveries) + (select count(*) from crossings) + (select count(*) from turns))::int as abandoned
