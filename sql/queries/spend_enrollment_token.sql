-- Spends a token that is good at $3 for the device that it makes. The row lock lets one of two racing hosts have it.
with spent as (
  update enrollment_token
     set spent_at = $3::timestamptz, spent_by_device = $2
   where id = $1 and spent_at is null and revoked_at is null and expires_at > $3
  returning id, host_name
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $3, 'enrollmentToken.spent', 'device:' || $2::text,
         jsonb_build_object('token', id, 'hostName', host_name, 'device', $2::uuid)
    from spent
)
select id from spent
