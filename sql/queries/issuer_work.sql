-- Of each active issuing CA, at $1: signatures that were asked for within two hours, never came, and were followed by no
-- certificate of it; and the first end of what it signed and what serves.
select i.id, u.unsigned, u.unsigned_since,
       least((select s.not_after from certificate_use s join certificate c using (fingerprint)
               where s.is_serving and s.lineage_id is not null and s.not_after > $1::timestamptz and c.issuer_id = i.id
               order by s.not_after limit 1),
             (select s.not_after from certificate_use s join certificate c using (fingerprint)
               where s.is_serving and s.lineage_id is null and s.not_after > $1 and c.issuer_id = i.id
               order by s.not_after limit 1)) as first_not_after
  from issuer i
  cross join lateral (
    select count(*)::int as unsigned, min(a.at) as unsigned_since
      from audit_event a
     where a.event = 'issuance.abandoned' and a.at > $1::timestamptz - interval '2 hours' and a.facts ->> 'issuer' = i.id
       and not exists (select from audit_event s
                        where s.at >= a.at - interval '5 minutes' and s.event = 'certificate.issued'
                          and s.facts ->> 'issuer' = i.id)
  ) u
 where i.role = 'issuing' and i.is_active
