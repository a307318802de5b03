-- Crossings that wait for a channel $1 at $2, the oldest first, at most $3, with their warnings; without those whose
-- warnings are well or put off, which wait whatever is decided. `others`: what became of the other crossings of a closed
-- warning on this channel, for its wellAgain.
select c.kind as crossing_kind, c.at as crossing_at,
       case when c.kind = 'wellAgain' then
       case when exists (select from crossing o left join delivery d on d.id = o.delivery_id
                          where o.warning_id = c.warning_id and o.channel = c.channel and o.kind <> 'wellAgain'
                            and o.moot_at is null and (o.delivery_id is null or d.concluded_at is null)) then 'open'
            when exists (select from crossing o join delivery d on d.id = o.delivery_id
                          where o.warning_id = c.warning_id and o.channel = c.channel and o.kind <> 'wellAgain'
                            and (d.outcome = 'delivered' or d.attempts > d.failures)) then 'told'
            else 'untold' end
       else 'none' end as others,
       w.id, w.condition, w.subject, w.level, w.cause, w.reason, w.facts, w.device_id, w.lineage_id, w.opened_at, w.level_at,
       w.well_since, w.closed_at, w.acknowledged_at, w.acknowledged_by, w.snoozed_until, w.snoozed_by, w.note
  from crossing c
  join warning w on w.id = c.warning_id
 where c.channel = $1 and c.delivery_id is null and c.moot_at is null
   and (w.closed_at is not null
        or (w.well_since is null and (w.snoozed_until is null or w.snoozed_until <= $2::timestamptz)))
 order by c.at, c.warning_id, c.kind
 limit $3
