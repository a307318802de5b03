-- CAs, with the end of the newest CRL of each and whether an open warning says that it cannot issue.
select i.id, i.subject_key_identifier, i.trust_domain, i.role, i.is_active, i.not_after,
       exists (select from warning w
                where w.condition = 'issuerUnavailable' and w.subject = 'issuer:' || i.id and w.closed_at is null) as is_unavailable,
       (select next_update from crl where issuer_id = i.id order by number desc limit 1) as crl_next_update
  from issuer i
