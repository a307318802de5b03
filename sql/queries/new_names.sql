-- By whom certificates for a CSR were obtained since $1 whose names no certificate of that profile for a CSR had before. The
-- service's own are left out, and of very many the oldest are.
with lately as (
  select c.principal, c.profile, c.subject_common_name, c.dns_names, c.ip_addresses, c.uris, c.issued_at
    from audit_event a
    join certificate c on c.fingerprint = a.facts ->> 'certificate'
   where a.event = 'certificate.issued' and a.facts ->> 'lineage' is null and a.at > $1::timestamptz
     and c.lineage_id is null and c.principal <> 'service'
   order by a.at desc
   limit 1000
), fresh as (
  select l.principal, l.subject_common_name, l.issued_at
    from lately l
   where not exists (select from certificate p
                      where p.lineage_id is null and p.subject_common_name = l.subject_common_name and p.profile = l.profile
                        and p.issued_at < l.issued_at and p.dns_names @> l.dns_names
                        and p.ip_addresses @> l.ip_addresses and p.uris @> l.uris)
)
select principal, array_agg(distinct subject_common_name order by subject_common_name) as names, max(issued_at) as last
  from fresh group by principal
