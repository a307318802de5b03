-- Somebody ($2) puts an open warning $1 off until $5, at $3, with a note ($4; null keeps the last one).
with changed as (
  update warning
     set snoozed_until = $5::timestamptz, snoozed_by = $2::text, note = coalesce($4::text, note)
   where id = $1::uuid and closed_at is null
  returning id, condition, subject
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $3::timestamptz, 'warning.snoozed', $2,
         jsonb_build_object('warning', id, 'condition', condition, 'subject', subject, 'until', $5, 'note', $4)
    from changed
)
select id from changed
