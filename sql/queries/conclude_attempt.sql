-- The attempt $2 at a delivery $1 ended at $3: $4 says how, $5 why, $6 whether the channel may have it all the same, $7 when it
-- is repeated, $8 until when the channel is left alone. That a channel took it counts whoever says it and however late; anything else is for the one whose attempt it
-- was.
with ended as (
  update delivery
     set lease_until = case when attempts = $2 then null else lease_until end,
         failures = failures + case when $4::text <> 'delivered' and not $6::boolean then 1 else 0 end,
         last_error = coalesce($5::text, last_error),
         due_at = case when $4 = 'failed' then $7::timestamptz else due_at end,
         concluded_at = case when $4 <> 'failed' then $3::timestamptz end,
         outcome = case when $4 <> 'failed' then $4 end
   where id = $1 and concluded_at is null and (attempts = $2::int or $4 = 'delivered')
  returning channel
), turned as (
  update channel_turn t
     set delivered_at = case when $4 = 'delivered' then $3 else t.delivered_at end,
         failing_since = case when $4 = 'delivered' then null
                              when $4 = 'failed' then coalesce(t.failing_since, $3) else t.failing_since end,
         rest_until = case when $4 = 'delivered' then null when $4 = 'failed' then $8::timestamptz else t.rest_until end,
         last_error = case when $4 = 'delivered' then null else $5 end
    from ended e where t.channel = e.channel
)
select channel from ended
