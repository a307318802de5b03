-- What a person should know: which certificates serve and when each comes near its end, what is not well, whom it was told
-- on which channel, and what probes saw. Levels are instants, computed from the policy when they are written; whether one
-- has come is a question about now.

create table server_setting (
  name text primary key,
  value text not null
);
comment on table server_setting is 'what the servers of one database remember of themselves, such as the digest of the policy that levels were computed from';

-- The use of a certificate, now also of those that belong to no lineage. One of each lineage, or of each profile and set of
-- names where there is no lineage, serves: reports, metrics and warnings are about those.
alter table certificate_use
  alter column lineage_id drop not null,
  add column alone_as sha256_hex,
  add column alone_profile text,
  add column is_serving boolean not null default false,
  add column not_after timestamptz,
  add column warning_at timestamptz,
  add column critical_at timestamptz;
comment on column certificate_use.alone_as is 'without a lineage: SHA-256 of profile, common name and names, by which one follows another; else null';
comment on column certificate_use.alone_profile is 'without a lineage: its profile, so that monitoring counts without the certificates themselves; else null';
comment on column certificate_use.is_serving is 'the last one confirmed of its lineage, else the newest; none that was revoked, and none of a retired device';
comment on column certificate_use.warning_at is 'from when on its end is near, by the policy of expiry levels';

-- Levels for the time being: the server computes them by its policy when it starts.
update certificate_use u
   set not_after = c.not_after,
       warning_at = c.not_after - least(interval '30 days', (c.not_after - c.not_before) / 4),
       critical_at = c.not_after - least(interval '7 days', (c.not_after - c.not_before) / 12)
  from certificate c where c.fingerprint = u.fingerprint;
insert into certificate_use (fingerprint, alone_as, alone_profile, not_after, warning_at, critical_at)
select distinct on (alone_as) fingerprint, alone_as, profile, not_after, not_after - least(interval '30 days', (not_after - not_before) / 4),
       not_after - least(interval '7 days', (not_after - not_before) / 12)
  from certificate c
 cross join lateral (
   select encode(sha256(convert_to(jsonb_build_array(c.profile, c.subject_common_name, c.dns_names, c.ip_addresses, c.uris)::text,
                                   'UTF8')), 'hex') as alone_as) k
 where lineage_id is null
 order by alone_as, not_after desc, fingerprint desc;
alter table certificate_use
  alter column not_after set not null,
  alter column warning_at set not null,
  alter column critical_at set not null;
update certificate_use u set is_serving = true
  from (select distinct on (coalesce(x.lineage_id::text, x.fingerprint)) x.fingerprint
          from certificate_use x
          join certificate c using (fingerprint)
          left join device d on d.id = c.device_id
         where not exists (select from revocation r where r.issuer_id = c.issuer_id and r.serial_number = c.serial_number)
           and (d.id is null or d.state <> 'retired')
         order by coalesce(x.lineage_id::text, x.fingerprint), x.confirmed_at desc nulls last, c.issued_at desc) s
 where s.fingerprint = u.fingerprint;
drop index certificate_use_lineage;
create index certificate_use_lineage on certificate_use (lineage_id, confirmed_at);
create unique index certificate_use_serving on certificate_use (lineage_id) where is_serving and lineage_id is not null;
create index certificate_use_alone_as on certificate_use (alone_as) where is_serving and lineage_id is null;
create index certificate_use_kept on certificate_use (not_after, fingerprint) where is_serving and lineage_id is not null;
create index certificate_use_alone on certificate_use (not_after, fingerprint) where is_serving and lineage_id is null;
create index certificate_use_levels on certificate_use (warning_at, critical_at) include (not_after) where is_serving;
create index certificate_use_unconfirmed on certificate_use (lineage_id)
  where confirmed_at is null and superseded_at is null and lineage_id is not null;

-- What hosts report and nobody keeps has levels too.
alter table unmanaged_certificate
  add column warning_at timestamptz,
  add column critical_at timestamptz;
update unmanaged_certificate
   set warning_at = not_after - least(interval '30 days', (not_after - not_before) / 4),
       critical_at = not_after - least(interval '7 days', (not_after - not_before) / 12);
alter table unmanaged_certificate
  alter column warning_at set not null,
  alter column critical_at set not null;

create index lineage_failing on lineage (id) where failures > 0;

create index device_last_seen on device (last_seen_at) where state = 'active';

-- What the looks for warnings ask for, whatever else there is.
create index endorsement_key_not_after on endorsement_key (certificate_not_after) where certificate_not_after is not null;
create index host_report_findings on host_report (device_id)
  where jsonb_path_exists(report, '$.findings[*] ? (@.level == "warning" || @.level == "critical")');
create index unmanaged_certificate_fault on unmanaged_certificate (device_id) where fault is not null and fault <> 'expired';
create index audit_event_refused on audit_event (event, at)
  where event in ('issuance.abandoned', 'issuance.refused', 'renewal.refused', 'enrollment.refused');
create index audit_event_issued_alone on audit_event (at) where event = 'certificate.issued' and facts ->> 'lineage' is null;

-- The last crossings of a lineage are what is warned of now.
alter table lineage drop column late_told_at, drop column failed_told_at;

-- Something that is not well, from when it was found until it was well again. One is open for each condition of a subject.
create table warning (
  id uuid primary key,
  condition text not null,
  subject text not null,
  level text not null check (level in ('warning', 'critical')),
  cause text not null,
  reason text not null,
  facts jsonb not null,
  device_id uuid references device (id),
  lineage_id uuid references lineage (id),
  opened_at timestamptz not null,
  level_at timestamptz not null,
  well_since timestamptz,
  closed_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text,
  snoozed_until timestamptz,
  snoozed_by text,
  note text,
  check ((acknowledged_at is null) = (acknowledged_by is null)),
  check ((snoozed_until is null) = (snoozed_by is null))
);
comment on column warning.subject is 'what it is about: lineage:<id>, device:<id>, issuer:<id>, endpoint:<name>, …';
comment on column warning.cause is 'warnings of one cause are told in one message';
comment on column warning.level is 'the highest that it reached, until it is closed';
comment on column warning.level_at is 'when it reached it';
comment on column warning.well_since is 'it was well at every look since then; it is closed after a while of that';
comment on column warning.snoozed_until is 'not told before; a rise in level ends it';
create unique index warning_open on warning (condition, subject) where closed_at is null;
create index warning_opened on warning (opened_at, id);
create index warning_closed on warning (closed_at, id) where closed_at is not null;
create index warning_device on warning (device_id) where device_id is not null;
create index warning_lineage on warning (lineage_id) where lineage_id is not null;

-- One message to one channel, with its text as it was composed. Its id is what the channel sees, at every attempt.
create table delivery (
  id uuid primary key,
  channel text not null,
  kind text not null check (kind in ('warning', 'wellAgain', 'escalation', 'reminder', 'digest', 'event', 'test')),
  cause text not null,
  message jsonb not null,
  created_at timestamptz not null,
  due_at timestamptz not null,
  lease_until timestamptz,
  attempts integer not null default 0 check (attempts >= 0),
  failures integer not null default 0 check (failures between 0 and attempts),
  last_error text,
  concluded_at timestamptz,
  outcome text check (outcome in ('delivered', 'withdrawn', 'refused')),
  check ((concluded_at is null) = (outcome is null))
);
comment on column delivery.attempts is 'counted before each one, so that one that nobody came back from is known';
comment on column delivery.failures is 'attempts after which the channel certainly does not have it; with fewer than attempts, it may';
comment on column delivery.outcome is 'withdrawn: what it told was over, or is told by another; refused: the channel will never take it';
create index delivery_due on delivery (channel, due_at) where concluded_at is null;
create index delivery_created on delivery (created_at, id);
create unique index delivery_digest on delivery (channel, cause) where kind = 'digest';
create index delivery_refused on delivery (channel, concluded_at) where outcome = 'refused';

-- A crossing: a warning reached a level, for one channel. `kind` is the level, wellAgain, escalation:<n> or reminder:<n>.
create table crossing (
  warning_id uuid not null references warning (id),
  channel text not null,
  kind text not null,
  at timestamptz not null,
  delivery_id uuid references delivery (id),
  moot_at timestamptz,
  primary key (warning_id, channel, kind)
);
comment on column crossing.delivery_id is 'the message that tells it; null while it waits, or when it is moot';
comment on column crossing.moot_at is 'it was over before it was told, or a higher one tells it';
create index crossing_waiting on crossing (channel, at) where delivery_id is null and moot_at is null;
create index crossing_delivery on crossing (delivery_id) where delivery_id is not null;

-- When each channel last took a message, or was last found to have nothing to take.
create table channel_turn (
  channel text primary key,
  turned_at timestamptz,
  delivered_at timestamptz,
  failing_since timestamptz,
  rest_until timestamptz,
  last_error text
);
comment on column channel_turn.turned_at is 'the notifier looked after this channel, nothing was left undone, and it does not fail';
comment on column channel_turn.rest_until is 'after a failure it is left alone until then';

-- What was seen at an endpoint the last time.
create table probe (
  endpoint text primary key,
  looked_at timestamptz not null,
  reachable_at timestamptz,
  unreachable_since timestamptz,
  findings jsonb not null,
  served_sha256 sha256_hex,
  served_not_after timestamptz
);
comment on column probe.unreachable_since is 'null where it answered the last time';

-- What Keylime says of its agents, joined to devices by keylime_uuid.
create table keylime_agent (
  agent_uuid text primary key,
  device_id uuid references device (id),
  is_registered boolean not null,
  operational_state integer,
  attestation_status text,
  last_successful_attestation timestamptz,
  state_since timestamptz not null,
  failing_since timestamptz,
  passing_since timestamptz,
  held_at timestamptz,
  let_through_until timestamptz,
  word_at timestamptz,
  first_seen_at timestamptz not null,
  seen_at timestamptz not null
);
comment on column keylime_agent.failing_since is 'it ends only after it passed for long enough';
comment on column keylime_agent.let_through_until is 'an admin said so: the gate does not hold it before';
comment on column keylime_agent.word_at is 'when the verifier last spoke of it; null where it does not know it';
comment on column keylime_agent.held_at is 'since when the gate holds renewals of its device; null while it does not';
create index keylime_agent_device on keylime_agent (device_id) where device_id is not null;

-- What people look for at the operator page: by the beginning of a name, by any name, by profile, and what was revoked.
create index certificate_profile on certificate (profile, not_after, fingerprint);
create index certificate_alone_name on certificate (lower(subject_common_name) text_pattern_ops) where lineage_id is null;
create index certificate_names on certificate using gin ((dns_names || ip_addresses || uris));
create index device_host_prefix on device (host_name text_pattern_ops);
create index device_keylime on device (keylime_uuid) where keylime_uuid is not null;
create index revocation_revoked_at on revocation (revoked_at);

-- The audit is read from its end; lines of one instant in the order in which they were written.
drop index audit_event_at;
create index audit_event_at on audit_event (at, id);

-- People at the operator page. The cookie''s value itself is never stored.
create table web_session (
  id_sha256 bytea primary key,
  token_id uuid not null references operator_token (id),
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null
);
create index web_session_expires on web_session (expires_at);

-- Monitoring asks at every scrape: for the last certificate of each profile, for alarms that no message tells, and for what
-- hosts say of themselves.
create index certificate_last_of_profile on certificate (profile, issued_at) where lineage_id is not null;
create index outbox_alarm_waiting on outbox (id) where topic = 'alarm' and delivered_at is null;
alter table host_report add column facts jsonb generated always as (report -> 'facts') stored;
comment on column host_report.facts is 'TPM, disk, SPIRE and Keylime of the host; null from agents that do not tell';
