-- No certificate is issued under this version of a profile any more.
with stopped as (
  insert into profile_stop (profile_digest, profile, reason, stopped_at) values ($1, $2, $3, $4)
  on conflict do nothing
  returning profile_digest
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4, 'profile.stopped', 'service', jsonb_build_object('profile', $2::text, 'profileDigest', $1::text, 'reason', $3::text) from stopped
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'profile.stopped', $1, jsonb_build_object('profile', $2::text, 'reason', $3::text), $4 from stopped
)
select profile_digest from stopped
