-- One campaign.
select id, name, plan, state, stop_reason, created_by, created_at, changed_at, looked_at, patient_until
  from campaign where id = $1
