-- Revokes a token; a second time changes nothing and is audited once. No row: there is no such token.
with found as (
  select id, name, revoked_at from operator_token where id = $1 for update
), revoked as (
  update operator_token set revoked_at = $2::timestamptz
    from found
   where operator_token.id = found.id and found.revoked_at is null
  returning operator_token.id, operator_token.name
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $2, 'operatorToken.revoked', $3::text, jsonb_build_object('token', id, 'name', name) from revoked
)
select id from found
