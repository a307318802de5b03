-- What was issued, refused and revoked from $1 to $2, by profile, out of the audit: its index by time is all that is read.
-- Refused are renewals, enrollments (which have no profile), and intents that came to nothing.
select coalesce(a.facts ->> 'profile', l.profile, 'none') as profile,
       count(*) filter (where a.event = 'certificate.issued')::int as issued,
       count(*) filter (where a.event in ('renewal.refused', 'enrollment.refused', 'issuance.abandoned'))::int as refused,
       count(*) filter (where a.event = 'certificate.revoked')::int as revoked
  from audit_event a
  left join lineage l on a.event = 'renewal.refused' and l.id = (a.facts ->> 'lineage')::uuid
 where a.at > $1::timestamptz and a.at <= $2::timestamptz
   and a.event in ('certificate.issued', 'renewal.refused', 'enrollment.refused', 'issuance.abandoned', 'certificate.revoked')
 group by 1
 order by 1
