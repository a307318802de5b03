-- Campaigns, the newest first, after the one that the last page ended with ($1, $2; null for the first page); with $3
-- only those that are not over.
select id, name, plan, state, stop_reason, created_by, created_at, changed_at, looked_at, patient_until
  from campaign
 where ($1::timestamptz is null or (created_at, id) < ($1::timestamptz, $2::uuid))
   and (not $3::boolean or state in ('planned', 'running', 'paused'))
 order by created_at desc, id desc
 limit $4
