-- Every CA certificate, roots first.
select id, trust_domain, role, certificate, subject_key_identifier, parent_id, not_before, not_after, is_active
  from issuer order by role desc, created_at, id
