-- Concludes an intent without a result: its serial number is revoked, whether or not a signature was ever made.
with abandoned as (
  update issuance_intent set outcome = 'abandoned'
   where issuer_id = $1 and serial_number = $2 and outcome is null
  returning issuer_id, serial_number, profile, principal
), revoked as (
  insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
  select issuer_id, serial_number, 'unspecified', $4::timestamptz, $3::text from abandoned
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'issuance.abandoned', principal,
         jsonb_build_object('issuer', issuer_id, 'serial', serial_number, 'profile', profile, 'by', $3)
    from abandoned
)
select serial_number from abandoned
