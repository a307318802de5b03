-- Withdraws a token; a second time changes nothing and is audited once. No row: there is no such token.
with found as (
  select id, host_name, revoked_at from enrollment_token where id = $1 for update
), revoked as (
  update enrollment_token set revoked_at = $2::timestamptz
    from found
   where enrollment_token.id = found.id and found.revoked_at is null
  returning enrollment_token.id, enrollment_token.host_name
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $2, 'enrollmentToken.revoked', $3::text, jsonb_build_object('token', id, 'hostName', host_name) from revoked
)
select id from found
