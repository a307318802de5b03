-- Records what is about to be signed, many at a time, in one statement and so in one transaction. For each request $n a
-- row says what became of it: `is_recorded`, or why not. A key has one holder; a suspended device, one without a proved EK,
-- and one whose grant was withdrawn get nothing; a renewal that was ended issues nothing; a stopped profile issues
-- nothing; a used Idempotency-Key is not used again within 24 hours.
with asked as (
  select *
    from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[],
                $10::uuid[], $11::uuid[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[])
         with ordinality
      as a (issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256, kind, device_id,
            lineage_id, conversation_id, not_after, recorded_at, lease_until, idempotency_key, body_sha256, n)
), held as (
  -- `do update` with the value that is there: the row is locked and returned whoever was first.
  insert into public_key (spki_sha256, kind, device_id, first_seen_at)
  select distinct on (spki_sha256) spki_sha256, kind, device_id, recorded_at from asked order by spki_sha256, n
  on conflict (spki_sha256) do update set spki_sha256 = excluded.spki_sha256
  returning spki_sha256, kind, device_id, compromised_at
), judged as (
  select a.*, h.kind as held_kind, h.device_id as held_device_id, h.compromised_at,
         h.kind = a.kind and h.device_id is not distinct from a.device_id as is_holder,
         a.device_id is null or d.id is not null as is_active,
         a.lineage_id is null or g.id is not null as is_granted,
         exists (select from renewal r where r.id = a.conversation_id and r.lease_until is null) as is_over,
         s.profile_digest is not null as is_stopped
    from asked a
    join held h using (spki_sha256)
    left join lateral (
      select d.id from device d join endorsement_key e on e.device_id = d.id
       where d.id = a.device_id and d.state = 'active'
       limit 1 for share
    ) d on true
    left join lateral (
      select g.id
        from lineage l
        join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
       where l.id = a.lineage_id and l.device_id = a.device_id
         for share
    ) g on true
    left join profile_stop s on s.profile_digest = a.profile_digest
), allowed as (
  select * from judged where is_holder and compromised_at is null and is_active and is_granted and not is_over
     and not is_stopped
), claimed as (
  insert into idempotent_request (principal, key, body_sha256, issuer_id, serial_number, created_at)
  select principal, idempotency_key, body_sha256, issuer_id, serial_number, recorded_at
    from allowed where idempotency_key is not null
  on conflict (principal, key) do update
     set body_sha256 = excluded.body_sha256, issuer_id = excluded.issuer_id, serial_number = excluded.serial_number,
         created_at = excluded.created_at
   where idempotent_request.created_at < excluded.created_at - interval '24 hours'
  returning serial_number
), recorded as (
  insert into issuance_intent (issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256,
                               lineage_id, conversation_id, not_after, recorded_at, lease_until)
  select issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256, lineage_id,
         conversation_id, not_after, recorded_at, lease_until
    from allowed a
   where a.idempotency_key is null or exists (select from claimed c where c.serial_number = a.serial_number)
  returning serial_number
)
select j.n::int as n, r.serial_number is not null as is_recorded, j.is_holder, j.held_kind, j.held_device_id,
       j.compromised_at is not null as is_compromised, j.is_active, j.is_granted,
       j.is_over, j.is_stopped
  from judged j left join recorded r using (serial_number)
 order by j.n
