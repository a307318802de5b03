-- Names and revokes what crashes left between intent and result: intents whose lease ended before $1, at most $2.
-- skip locked: several servers may sweep; a result that is being written wins.
with lapsed as (
  select issuer_id, serial_number from issuance_intent
   where outcome is null and lease_until < $1
   order by lease_until limit $2 for update skip locked
), abandoned as (
  update issuance_intent i set outcome = 'abandoned'
    from lapsed l
   where i.issuer_id = l.issuer_id and i.serial_number = l.serial_number and i.outcome is null
  returning i.issuer_id, i.serial_number, i.profile, i.principal
), revoked as (
  insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
  select issuer_id, serial_number, 'unspecified', $1::timestamptz, 'sweeper' from abandoned
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $1, 'issuance.abandoned', principal,
         jsonb_build_object('issuer', issuer_id, 'serial', serial_number, 'profile', profile, 'by', 'sweeper')
    from abandoned
)
select issuer_id, serial_number, profile from abandoned
