-- Ends a session. With a principal ($2) its holder signed out, which is audited; without, it was over already.
with deleted as (
  delete from web_session where id_sha256 = $1 returning token_id
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $3::timestamptz, 'web.logout', $2::text, jsonb_build_object('token', token_id)
    from deleted where $2::text is not null
)
select token_id from deleted
