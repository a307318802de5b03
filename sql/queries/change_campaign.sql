-- Starts, pauses or resumes a campaign, with a line of the audit. No row: it is not in the state $2. It waits for a
-- scheduler that holds it.
with changed as (
  update campaign set state = $3, changed_at = $5 where id = $1 and state = $2 returning id, name, state
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $5::timestamptz, 'campaign.' || state, $4::text,
         jsonb_build_object('campaign', id, 'name', name, 'from', $2::text)
    from changed
)
select id from changed
