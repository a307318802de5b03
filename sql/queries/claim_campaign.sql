-- Claims the campaign that waited longest for its turn, not looked at after $1, for this transaction. skip locked: several
-- servers take turns, and none waits for another. A stopped one has turns while something of it is in flight.
select id, name, plan, state, stop_reason, created_by, created_at, changed_at, looked_at, patient_until
  from campaign c
 where (looked_at is null or looked_at <= $1)
   and (state in ('running', 'paused')
        or (state = 'stopped' and exists (
              select from campaign_member m where m.campaign_id = c.id and m.state = 'released')))
 order by looked_at nulls first, id
 limit 1
   for update skip locked
