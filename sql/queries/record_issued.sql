-- Records signed certificates, many at a time: conclusion of the intent and of the renewal that it belongs to, certificate,
-- place in its lineage, audit event and outbox message in one statement and so in one transaction. An intent that somebody
-- abandoned meanwhile yields no row. Which certificate of a lineage serves is decided by keep_serving.sql afterwards; without
-- a lineage the last one for the same profile and names serves, and those before it are superseded; one that was revoked while
-- it was signed serves nobody and supersedes none.
with done as (
  select *
    from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::timestamptz[], $8::uuid[],
                $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[])
      as d (fingerprint, issuer_id, serial_number, der, subject_common_name, names, not_before, device_id, issued_at,
            renew_at, warning_at, critical_at)
), concluded as (
  update issuance_intent i set outcome = 'issued'
    from done d
   where i.issuer_id = d.issuer_id and i.serial_number = d.serial_number and i.outcome is null
  returning d.*, i.profile, i.profile_digest, i.principal, i.spki_sha256, i.lineage_id, i.conversation_id, i.not_after
), named as (
  select c.*,
         array(select jsonb_array_elements_text(names::jsonb -> 'dnsNames')) as dns_names,
         array(select jsonb_array_elements_text(names::jsonb -> 'ipAddresses')) as ip_addresses,
         array(select jsonb_array_elements_text(names::jsonb -> 'uris')) as uris
    from concluded c
), stored as (
  insert into certificate (fingerprint, issuer_id, serial_number, der, profile, subject_common_name, dns_names,
                           ip_addresses, uris, spki_sha256, not_before, not_after, principal, device_id, lineage_id, issued_at)
  select fingerprint, issuer_id, serial_number, der, profile, subject_common_name, dns_names, ip_addresses, uris,
         spki_sha256, not_before, not_after, principal, device_id, lineage_id, issued_at
    from named
  returning fingerprint
), used as (
  -- The last of its names in this very batch is numbered 1.
  select k.*, row_number() over (partition by coalesce(alone_as, fingerprint)
                                 order by is_revoked, issued_at desc, fingerprint desc) as n
    from (select fingerprint, lineage_id, profile, issued_at, not_after, warning_at, critical_at,
                 lineage_id is null and exists (select from revocation r
                                                 where (r.issuer_id, r.serial_number) = (named.issuer_id, named.serial_number))
                   as is_revoked,
                 case when lineage_id is null then
                   encode(sha256(convert_to(
                     jsonb_build_array(profile, subject_common_name, dns_names, ip_addresses, uris)::text, 'UTF8')), 'hex')
                 end as alone_as
            from named) k
), superseded as (
  update certificate_use p set is_serving = false, superseded_at = u.issued_at
    from used u
   where u.n = 1 and not u.is_revoked and p.alone_as = u.alone_as and p.is_serving and p.lineage_id is null
), placed as (
  insert into certificate_use (fingerprint, lineage_id, superseded_at, alone_as, alone_profile, is_serving, not_after,
                               warning_at, critical_at)
  select fingerprint, lineage_id, case when n > 1 then issued_at end, alone_as, case when lineage_id is null then profile end,
         lineage_id is null and n = 1 and not is_revoked, not_after, warning_at, critical_at
    from used
), locked as (
  -- In one order, whoever else locks several.
  select id from lineage where id in (select lineage_id from concluded) order by id for no key update
), pointed as (
  update lineage l
     set newest_certificate = c.fingerprint, renew_at = c.renew_at, pulled_at = null, pulled_by = null,
         pulled_because = null, asked_at = null, last_error = null
    from concluded c
    join locked k on k.id = c.lineage_id
   where l.id = k.id
), renewed as (
  update renewal r set fingerprint = c.fingerprint, concluded_at = c.issued_at, lease_until = null
    from concluded c
   where r.id = c.conversation_id
), recovered as (
  -- The lineage is still seen as it was before this statement.
  insert into audit_event (at, event, principal, facts)
  select c.issued_at, 'certificate.recoveredAfterExpiry', c.principal,
         jsonb_build_object('certificate', c.fingerprint, 'lineage', l.id, 'device', l.device_id, 'before', p.fingerprint,
                            'expired', p.not_after)
    from concluded c
    join renewal r on r.id = c.conversation_id
    join lineage l on l.id = c.lineage_id
    join certificate p on p.fingerprint = l.newest_certificate and p.not_after < c.issued_at
), audited as (
  insert into audit_event (at, event, principal, facts)
  select issued_at, 'certificate.issued', principal,
         jsonb_build_object('certificate', fingerprint, 'serial', serial_number, 'issuer', issuer_id, 'profile', profile,
                            'profileDigest', profile_digest, 'device', device_id, 'lineage', lineage_id,
                            'conversation', conversation_id, 'notAfter', not_after)
    from concluded
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select 'certificate.issued', fingerprint, jsonb_build_object('certificate', fingerprint, 'profile', profile), issued_at
    from concluded
)
select fingerprint from stored
