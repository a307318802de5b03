-- How each channel stands; `refused_at` within what is looked back ($1).
select t.channel, t.turned_at, t.delivered_at, t.failing_since, t.last_error, d.waiting, d.oldest, r.refused_at
  from channel_turn t
 cross join lateral (select count(*)::int as waiting, min(created_at) as oldest
                       from delivery where channel = t.channel and concluded_at is null) d
 cross join lateral (select max(concluded_at) as refused_at
                       from delivery where channel = t.channel and outcome = 'refused' and concluded_at > $1) r
 order by t.channel
