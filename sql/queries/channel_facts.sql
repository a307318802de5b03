-- How each named channel stands: what waits for it, when it last took something, and since when it takes nothing. One that
-- was never used has its row too.
select named.channel, coalesce(w.waiting, 0)::int as waiting, w.oldest,
       t.delivered_at, t.failing_since, case when t.failing_since is not null then t.last_error end as last_error
  from unnest($1::text[]) as named (channel)
  left join channel_turn t on t.channel = named.channel
  left join lateral (
    select count(*) as waiting, min(d.created_at) as oldest
      from delivery d
     where d.channel = named.channel and d.concluded_at is null
  ) w on true
