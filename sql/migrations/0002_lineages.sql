-- What becomes of a lineage: when its next certificate is due, what its host last said, whether what was issued is in use,
-- and who decided to replace many at once. States are derived from these facts and the clock, and are no column.

-- One conversation, an enrollment or a renewal, ends in one certificate for each of its lineages.
alter table issuance_intent rename column enrollment_id to conversation_id;
alter index issuance_intent_enrollment rename to issuance_intent_conversation;

alter table lineage
  add column newest_certificate sha256_hex references certificate (fingerprint),
  add column renew_at timestamptz,
  add column pulled_at timestamptz,
  add column pulled_by text,
  add column pulled_because text,
  add column asked_at timestamptz,
  add column last_error jsonb,
  add column failures integer not null default 0 check (failures >= 0),
  add column has_spire_agent boolean not null default false,
  add column late_told_at timestamptz,
  add column failed_told_at timestamptz,
  add check ((pulled_at is null) = (pulled_by is null) and (pulled_at is null) = (pulled_because is null));
comment on column lineage.renew_at is 'within the window of the newest certificate, drawn once; earlier when it was pulled; null while there is none';
comment on column lineage.asked_at is 'when its host was last told to wait because of the ceiling; null once it has its certificate';
comment on column lineage.last_error is '{at, phase, reason, detail} of the last attempt, null after a success';
comment on column lineage.failures is 'attempts that failed since the last success';
comment on column lineage.has_spire_agent is 'a SPIRE agent uses it, as its host says: confirmed only when the SPIRE server lists the new ID';
comment on column lineage.late_told_at is 'when the crossing into late was recorded; null when it is not late, so that the next one is recorded again';
comment on column lineage.failed_told_at is 'the same of a failure';
create index lineage_renew_at on lineage (renew_at) where renew_at is not null;
create index lineage_asked on lineage (asked_at) where asked_at is not null;
create index lineage_created on lineage (created_at, id);

-- What is known of a certificate in its place of use. A certificate itself never changes.
create table certificate_use (
  fingerprint sha256_hex primary key references certificate (fingerprint),
  lineage_id uuid not null references lineage (id),
  installed_at timestamptz,
  confirmed_at timestamptz,
  confirmed_by text check (confirmed_by in ('host', 'probe', 'spire', 'operator')),
  superseded_at timestamptz,
  check ((confirmed_at is null) = (confirmed_by is null))
);
create index certificate_use_lineage on certificate_use (lineage_id);

insert into certificate_use (fingerprint, lineage_id)
select fingerprint, lineage_id from certificate where lineage_id is not null;
update lineage l
   set newest_certificate = c.fingerprint, renew_at = c.not_after - (c.not_after - c.not_before) / 3
  from (select distinct on (lineage_id) lineage_id, fingerprint, not_before, not_after
          from certificate where lineage_id is not null
         order by lineage_id, not_after desc, issued_at desc) c
 where c.lineage_id = l.id;

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
  report jsonb not null
);

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
  primary key (device_id, path)
);
comment on column unmanaged_certificate.fault is 'what its host found wrong with it, such as softwareKeyDevId; null for nothing';
create index unmanaged_certificate_not_after on unmanaged_certificate (not_after, fingerprint);

-- A suspended device loses its privileges, for the time being: RFC 5280 §5.3.1 has a word for it.
alter table revocation
  drop constraint revocation_reason_code_check,
  add check (reason_code in ('unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn'));

alter table device add column attested_firmware numeric(20);
comment on column device.attested_firmware is 'TPMS_ATTEST.firmwareVersion of the last certification, 64 bits; null before the first';

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

-- How many alarms somebody has raised lately.
create index outbox_alarm on outbox ((facts ->> 'principal'), created_at) where topic = 'alarm';
