-- Somebody ($2) takes an open warning $1 upon himself, at $3, with a note ($4; null keeps the last one). A second time says
-- who did last.
with changed as (
  update warning
     set acknowledged_at = $3::timestamptz, acknowledged_by = $2::text, note = coalesce($4::text, note)
   where id = $1::uuid and closed_at is null
  returning id, condition, subject
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $3, 'warning.acknowledged', $2,
         jsonb_build_object('warning', id, 'condition', condition, 'subject', subject, 'note', $4)
    from changed
)
select id from changed
