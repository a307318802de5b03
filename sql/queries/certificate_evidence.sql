-- Why one certificate was issued: its intent, and the enrollment or the renewal that it answers, with whoever allowed it.
-- Digests of secrets are not selected: they have no place in an answer.
select c.fingerprint, c.subject_common_name, c.serial_number, c.profile, i.profile_digest, c.principal, c.device_id,
       d.host_name, d.created_at as device_created_at, c.lineage_id, c.spki_sha256, i.recorded_at, c.issued_at,
       e.id as enrollment_id, e.host_name as enrollment_host_name, e.created_at as enrollment_created_at, e.ek_fingerprint,
       e.ek_facts ->> 'manufacturer' as manufacturer, e.ek_facts ->> 'model' as model, e.ek_facts ->> 'version' as version,
       e.ak_name, e.evidence as enrollment_evidence, e.approved_by, e.approved_at, e.approved_grants, e.approved_replaces,
       t.id as token_id, t.created_by as token_created_by, t.created_at as token_created_at,
       p.created_by as preregistered_by, p.created_at as preregistered_at,
       r.id as renewal_id, r.admitted_at, r.is_outside_ceiling, r.is_recovery, r.evidence as renewal_evidence
  from certificate c
  join issuance_intent i using (issuer_id, serial_number)
  left join device d on d.id = c.device_id
  left join enrollment e on e.id = i.conversation_id
  left join enrollment_token t on t.id = e.token_id
  left join preregistration p on p.ek_fingerprint = e.ek_fingerprint
  left join renewal r on r.id = i.conversation_id
 where c.fingerprint = $1
