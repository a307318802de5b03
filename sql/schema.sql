-- The schema as the migrations make it, for reading; a test compares the two by their catalogues. Instants are UTC;
-- fingerprints and serial numbers are lower-case hex; "expired" is a question about now and therefore no column.

create domain sha256_hex as text check (value ~ '^[0-9a-f]{64}$');
create domain serial_hex as text check (value ~ '^[0-9a-f]{2,40}$' and length(value) % 2 = 0);

-- A CA certificate. `issuing` ones have their key in the data directory; a root's key does not live here.
create table issuer (
  id sha256_hex primary key,
  trust_domain text not null check (trust_domain in ('estate', 'keylime-control')),
  role text not null check (role in ('root', 'intermediate', 'issuing')),
  certificate bytea not null,
  subject_key_identifier text not null check (subject_key_identifier ~ '^([0-9a-f]{2})+$'),
  parent_id sha256_hex references issuer (id),
  not_before timestamptz not null,
  not_after timestamptz not null,
  is_active boolean not null,
  created_at timestamptz not null,
  check (role = 'root' or parent_id is not null)
);
comment on column issuer.id is 'SHA-256 of the certificate''s DER';
create unique index issuer_one_active on issuer (trust_domain, role) where is_active;
create unique index issuer_subject_key_identifier on issuer (subject_key_identifier) where role = 'issuing';

create table device (
  id uuid primary key,
  host_name text not null,
  state text not null check (state in ('active', 'suspended', 'retired')),
  keylime_uuid text,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  attested_firmware numeric(20)
);
comment on column device.attested_firmware is 'TPMS_ATTEST.firmwareVersion of the last certification, 64 bits; null before the first';
comment on column device.keylime_uuid is 'hash_ek: SHA-256 of the RSA-2048 EK''s SubjectPublicKeyInfo in PEM; null while only an ECC EK was proved';
create unique index device_host_name on device (host_name) where state <> 'retired';
create unique index device_keylime_uuid on device (keylime_uuid) where state <> 'retired';

-- A TPM's endorsement key that was proved by credential activation; a device has a set of them.
create table endorsement_key (
  fingerprint sha256_hex primary key,
  device_id uuid not null references device (id),
  public bytea not null,
  certificate bytea,
  manufacturer text,
  model text,
  version text,
  hardware_serial text not null,
  certificate_not_after timestamptz,
  exception text check (exception in ('rocaWeak', 'noCertificate')),
  proved_at timestamptz not null
);
comment on column endorsement_key.fingerprint is 'SHA-256 of the SubjectPublicKeyInfo DER';
comment on column endorsement_key.public is 'TPM2B_PUBLIC';
comment on column endorsement_key.hardware_serial is 'hwSerialNum of the HardwareModuleName: vendor, authority key identifier and serial number of the certificate; without one, the fingerprint in upper case';
create index endorsement_key_device on endorsement_key (device_id);

-- A key that lives in a device's TPM, by its Name; never the same under two devices.
create table tpm_key (
  name text primary key,
  device_id uuid not null references device (id),
  role text not null check (role in ('attestation', 'request', 'devid')),
  public bytea not null,
  spki_sha256 sha256_hex not null,
  created_at timestamptz not null,
  replaced_at timestamptz
);
create index tpm_key_device on tpm_key (device_id, role);
create unique index tpm_key_request on tpm_key (spki_sha256) where role = 'request';

-- Every public key this service has to do with, so that no key is certified twice over or for the wrong holder.
create table public_key (
  spki_sha256 sha256_hex primary key,
  kind text not null check (kind in ('issuer', 'endorsement', 'attestation', 'request', 'device', 'operator', 'service')),
  device_id uuid references device (id),
  compromised_at timestamptz,
  first_seen_at timestamptz not null,
  check ((kind in ('endorsement', 'attestation', 'request', 'device')) = (device_id is not null))
);

-- What a device may have: exact names, for one profile and one place of use.
create table device_grant (
  id uuid primary key,
  device_id uuid not null references device (id),
  profile text not null,
  dns_names text[] not null,
  ip_addresses text[] not null,
  uris text[] not null,
  place text not null,
  granted_by text not null,
  granted_at timestamptz not null,
  unique (device_id, profile, place)
);

-- One device, one profile, one place of use: the successive certificates that serve it. Its state is derived from these
-- facts and the clock, and is no column.
create table lineage (
  id uuid primary key,
  device_id uuid not null references device (id),
  profile text not null,
  place text not null,
  created_at timestamptz not null,
  newest_certificate sha256_hex,
  renew_at timestamptz,
  pulled_at timestamptz,
  pulled_by text,
  pulled_because text,
  asked_at timestamptz,
  last_error jsonb,
  failures integer not null default 0 check (failures >= 0),
  has_spire_agent boolean not null default false,
  unique (device_id, profile, place),
  check ((pulled_at is null) = (pulled_by is null) and (pulled_at is null) = (pulled_because is null))
);
comment on column lineage.renew_at is 'within the window of the newest certificate, drawn once; earlier when it was pulled; null while there is none';
comment on column lineage.asked_at is 'when its host was last told to wait because of the ceiling; null once it has its certificate';
comment on column lineage.last_error is '{at, phase, reason, detail} of the last attempt, null after a success';
comment on column lineage.failures is 'attempts that failed since the last success';
comment on column lineage.has_spire_agent is 'a SPIRE agent uses it, as its host says: confirmed only when the SPIRE server lists the new ID';
create index lineage_renew_at on lineage (renew_at) where renew_at is not null;
create index lineage_asked on lineage (asked_at) where asked_at is not null;
create index lineage_created on lineage (created_at, id);

-- What was about to be signed, exactly, durable before the signature. `outcome` is written once: by the result, or by
-- whoever finds that no result will come.
create table issuance_intent (
  issuer_id sha256_hex not null references issuer (id),
  serial_number serial_hex not null,
  tbs_certificate bytea not null,
  profile text not null,
  profile_digest sha256_hex not null,
  principal text not null,
  spki_sha256 sha256_hex not null references public_key (spki_sha256),
  lineage_id uuid references lineage (id),
  conversation_id uuid,
  not_after timestamptz not null,
  recorded_at timestamptz not null,
  lease_until timestamptz not null,
  outcome text check (outcome in ('issued', 'abandoned')),
  primary key (issuer_id, serial_number)
);
create index issuance_intent_open on issuance_intent (lease_until) where outcome is null;
create index issuance_intent_conversation on issuance_intent (conversation_id) where conversation_id is not null;
-- However many work on one conversation, an enrollment or a renewal, one certificate comes out for each of its lineages.
create unique index issuance_intent_once on issuance_intent (conversation_id, lineage_id) where outcome is distinct from 'abandoned';

create table certificate (
  fingerprint sha256_hex primary key,
  issuer_id sha256_hex not null,
  serial_number serial_hex not null,
  der bytea not null,
  profile text not null,
  subject_common_name text not null,
  dns_names text[] not null,
  ip_addresses text[] not null,
  uris text[] not null,
  spki_sha256 sha256_hex not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  principal text not null,
  device_id uuid references device (id),
  lineage_id uuid references lineage (id),
  issued_at timestamptz not null,
  unique (issuer_id, serial_number),
  foreign key (issuer_id, serial_number) references issuance_intent (issuer_id, serial_number)
);
create index certificate_not_after on certificate (not_after, fingerprint);
create index certificate_serial_number on certificate (serial_number);
create index certificate_device on certificate (device_id) where device_id is not null;
create index certificate_lineage on certificate (lineage_id, not_after) where lineage_id is not null;
create index certificate_alone on certificate (subject_common_name, profile, not_after) where lineage_id is null;
create index certificate_last_of_profile on certificate (profile, issued_at) where lineage_id is not null;

-- By (issuer, serial), so that a signature without a certificate row can be revoked too.
create table revocation (
  issuer_id sha256_hex not null,
  serial_number serial_hex not null,
  reason_code text not null check (reason_code in ('unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn')),
  revoked_at timestamptz not null,
  revoked_by text not null,
  primary key (issuer_id, serial_number),
  foreign key (issuer_id, serial_number) references issuance_intent (issuer_id, serial_number)
);

create table crl (
  issuer_id sha256_hex not null references issuer (id),
  number bigint not null check (number > 0),
  this_update timestamptz not null,
  next_update timestamptz not null,
  der bytea not null,
  primary key (issuer_id, number)
);

-- People and scripts. The secret itself is shown once and never stored.
create table operator_token (
  id uuid primary key,
  secret_sha256 bytea not null,
  name text not null,
  role text not null check (role in ('viewer', 'issuer', 'admin')),
  limits jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz
);

-- A token is a grant in waiting: bound to a host name, spent in the transaction that creates the device.
create table enrollment_token (
  id uuid primary key,
  secret_sha256 bytea not null,
  host_name text not null,
  grants jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  spent_at timestamptz,
  spent_by_device uuid references device (id)
);

-- An endorsement key known before its host calls, with what that host may have.
create table preregistration (
  ek_fingerprint sha256_hex primary key,
  host_name text not null,
  grants jsonb not null,
  exception text check (exception in ('rocaWeak', 'noCertificate')),
  created_by text not null,
  created_at timestamptz not null
);

-- One conversation of first contact. A row reserves nothing until its activation is authorized.
create table enrollment (
  id uuid primary key,
  state text not null check (state in ('challenged', 'pending', 'approved', 'authorized', 'issued', 'rejected')),
  version integer not null,
  host_name text not null,
  token_id uuid references enrollment_token (id),
  ek_fingerprint sha256_hex not null,
  ek_public bytea not null,
  ek_certificates bytea[] not null,
  ek_facts jsonb not null,
  ak_public bytea not null,
  ak_name text not null,
  secret_sha256 bytea not null,
  nonce bytea not null,
  challenge_expires_at timestamptz not null,
  challenge_spent_at timestamptz,
  activation_sha256 sha256_hex,
  activated_at timestamptz,
  refusals jsonb,
  request bytea,
  evidence jsonb,
  request_key_sha256 sha256_hex,
  request_key_public bytea,
  approved_by text,
  approved_at timestamptz,
  approved_grants jsonb,
  approved_replaces uuid references device (id),
  rejection text,
  device_id uuid references device (id),
  answer jsonb,
  lease_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
comment on column enrollment.version is 'grows with each change of what waits for a person: an approval names the one that was looked at';
comment on column enrollment.activation_sha256 is 'of the body that spent the challenge: the same octets again are a retransmission and get its answer';
comment on column enrollment.refusals is 'what that body was refused for, if it was';
comment on column enrollment.approved_replaces is 'the device of this name that is retired when the approved host comes; null when there was none to see';
comment on column enrollment.lease_until is 'somebody works on the activation until then; later it counts as left by a crash and may be resumed';
create index enrollment_pending on enrollment (updated_at, id) where state in ('pending', 'approved');
create index enrollment_request_key on enrollment (request_key_sha256) where request_key_sha256 is not null;
create index enrollment_challenged on enrollment (challenge_expires_at) where state = 'challenged';

-- Nonces are made by a keyed hash and need no row until they are used; a used one stays until it could not be used anyway.
create table spent_nonce (
  nonce_sha256 sha256_hex primary key,
  expires_at timestamptz not null
);
create index spent_nonce_expires on spent_nonce (expires_at);

-- Keys that all servers of one database must share.
create table server_secret (
  name text primary key,
  value bytea not null
);

-- Idempotency-Key of POST /v1/certificates: which intent answers it.
create table idempotent_request (
  principal text not null,
  key text not null,
  body_sha256 sha256_hex not null,
  issuer_id sha256_hex not null,
  serial_number serial_hex not null,
  created_at timestamptz not null,
  primary key (principal, key),
  foreign key (issuer_id, serial_number) references issuance_intent (issuer_id, serial_number)
);
create index idempotent_request_created on idempotent_request (created_at);

create table audit_event (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  event text not null,
  principal text not null,
  facts jsonb not null
);
-- Read from its end; lines of one instant in the order in which they were written.
create index audit_event_at on audit_event (at, id);

create table outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  facts jsonb not null,
  created_at timestamptz not null,
  delivered_at timestamptz
);
create index outbox_waiting on outbox (id) where delivered_at is null;
create index outbox_alarm_waiting on outbox (id) where topic = 'alarm' and delivered_at is null;
-- How many alarms somebody has raised lately.
create index outbox_alarm on outbox ((facts ->> 'principal'), created_at) where topic = 'alarm';

-- A profile on whose certificates two readers disagreed issues nothing more until its file changes.
create table profile_stop (
  profile_digest sha256_hex primary key,
  profile text not null,
  reason text not null,
  stopped_at timestamptz not null
);

alter table lineage add foreign key (newest_certificate) references certificate (fingerprint);

-- What is known of a certificate in its place of use. A certificate itself never changes.
create table certificate_use (
  fingerprint sha256_hex primary key references certificate (fingerprint),
  lineage_id uuid references lineage (id),
  installed_at timestamptz,
  confirmed_at timestamptz,
  confirmed_by text check (confirmed_by in ('host', 'probe', 'spire', 'operator')),
  superseded_at timestamptz,
  alone_as sha256_hex,
  alone_profile text,
  is_serving boolean not null default false,
  not_after timestamptz not null,
  warning_at timestamptz not null,
  critical_at timestamptz not null,
  check ((confirmed_at is null) = (confirmed_by is null))
);
comment on column certificate_use.alone_as is 'without a lineage: SHA-256 of profile, common name and names, by which one follows another; else null';
comment on column certificate_use.alone_profile is 'without a lineage: its profile, so that monitoring counts without the certificates themselves; else null';
comment on column certificate_use.is_serving is 'the last one confirmed of its lineage, else the newest; none that was revoked, and none of a retired device';
comment on column certificate_use.warning_at is 'from when on its end is near, by the policy of expiry levels';
create index certificate_use_lineage on certificate_use (lineage_id, confirmed_at);
create unique index certificate_use_serving on certificate_use (lineage_id) where is_serving and lineage_id is not null;
create index certificate_use_alone_as on certificate_use (alone_as) where is_serving and lineage_id is null;
create index certificate_use_kept on certificate_use (not_after, fingerprint) where is_serving and lineage_id is not null;
create index certificate_use_alone on certificate_use (not_after, fingerprint) where is_serving and lineage_id is null;
create index certificate_use_levels on certificate_use (warning_at, critical_at) include (not_after) where is_serving;
create index certificate_use_unconfirmed on certificate_use (lineage_id)
  where confirmed_at is null and superseded_at is null and lineage_id is not null;

-- What a confirmation stands on: the signature by the certificate's own key, and what was observed.
create table confirmation (
  id bigint generated always as identity primary key,
  fingerprint sha256_hex not null references certificate (fingerprint),
  at timestamptz not null,
  confirmed_by text not null check (confirmed_by in ('host', 'probe', 'spire', 'operator')),
  principal text not null,
  evidence jsonb not null
);
create index confirmation_fingerprint on confirmation (fingerprint);

-- One request for the next certificate of a lineage, admitted under the ceiling or outside it.
create table renewal (
  id uuid primary key,
  lineage_id uuid not null references lineage (id),
  body_sha256 sha256_hex not null,
  admitted_at timestamptz not null,
  is_outside_ceiling boolean not null,
  is_recovery boolean not null,
  lease_until timestamptz,
  request bytea not null,
  evidence jsonb,
  refusals jsonb,
  fingerprint sha256_hex references certificate (fingerprint),
  concluded_at timestamptz
);
comment on column renewal.body_sha256 is 'the same octets again within 24 hours are a retransmission, and get its answer';
comment on column renewal.is_recovery is 'the certificate that it follows had ended, or was missing';
create index renewal_retransmission on renewal (lineage_id, body_sha256, admitted_at);
create index renewal_admitted on renewal (admitted_at);
create unique index renewal_under_way on renewal (lineage_id) where lease_until is not null;

-- The last word of each host about itself.
create table host_report (
  device_id uuid primary key references device (id),
  reported_at timestamptz not null,
  agent_version text not null,
  report jsonb not null,
  facts jsonb generated always as (report -> 'facts') stored
);
comment on column host_report.facts is 'TPM, disk, SPIRE and Keylime of the host; null from agents that do not tell';

-- Certificates that a host found on itself and that are none of ours: they authenticate nobody and grant nothing.
create table unmanaged_certificate (
  device_id uuid not null references device (id),
  path text not null,
  fingerprint sha256_hex not null,
  subject text not null,
  issuer text not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  fault text,
  reported_at timestamptz not null,
  warning_at timestamptz not null,
  critical_at timestamptz not null,
  primary key (device_id, path)
);
comment on column unmanaged_certificate.fault is 'what its host found wrong with it, such as softwareKeyDevId; null for nothing';
create index unmanaged_certificate_not_after on unmanaged_certificate (not_after, fingerprint);

-- The orchestrated replacement of many: pilot hosts first, then waves.
create table campaign (
  id uuid primary key,
  name text not null,
  plan jsonb not null,
  state text not null check (state in ('planned', 'running', 'paused', 'stopped', 'finished')),
  stop_reason text,
  created_by text not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  looked_at timestamptz,
  patient_until timestamptz,
  check ((state = 'stopped') = (stop_reason is not null))
);
comment on column campaign.looked_at is 'the last turn of a scheduler; those that waited longest come first';
comment on column campaign.patient_until is 'after an absence of the servers: until then nobody has failed for being late';
create unique index campaign_name on campaign (name) where state in ('planned', 'running', 'paused');

create table campaign_member (
  campaign_id uuid not null references campaign (id),
  lineage_id uuid not null references lineage (id),
  wave integer not null check (wave >= 0),
  service_class text not null,
  state text not null check (state in ('waiting', 'released', 'confirmed', 'failed')),
  from_certificate sha256_hex references certificate (fingerprint),
  released_at timestamptz,
  concluded_at timestamptz,
  error text,
  primary key (campaign_id, lineage_id)
);
comment on column campaign_member.wave is '0 are the pilots';
create index campaign_member_released on campaign_member (campaign_id) where state = 'released';

-- Trust anchors for hosts, signed offline by the key of a root that they already trust.
create table trust_bundle (
  generation integer primary key check (generation > 0),
  follows integer not null unique check (follows >= 0 and follows < generation),
  cms bytea not null,
  published_by text not null,
  published_at timestamptz not null
);
comment on column trust_bundle.follows is 'the generation that was in force when its signer was judged, 0 for none: no two follow on one';
comment on column trust_bundle.cms is 'SignedData (RFC 5652) in DER';

create table server_setting (
  name text primary key,
  value text not null
);
comment on table server_setting is 'what the servers of one database remember of themselves, such as the digest of the policy that levels were computed from';

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

-- People at the operator page. The cookie''s value itself is never stored.
create table web_session (
  id_sha256 bytea primary key,
  token_id uuid not null references operator_token (id),
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null
);
create index web_session_expires on web_session (expires_at);
