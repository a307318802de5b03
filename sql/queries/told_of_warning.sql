-- What each channel was told of a warning $1, or is to be told.
select c.channel, c.kind, c.at, case when d.outcome = 'delivered' then d.concluded_at end as delivered_at
  from crossing c
  left join delivery d on d.id = c.delivery_id
 where c.warning_id = $1 and c.moot_at is null
 order by c.at, c.channel, c.kind
