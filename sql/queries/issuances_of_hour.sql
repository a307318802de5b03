-- How many certificates were issued within the hour before $1, counted up to $2. Renewals under the ceiling have a limit of
-- their own and are ordinary, however many.
select count(*)::int as issued
  from (select from audit_event a
         where a.event = 'certificate.issued' and a.at > $1::timestamptz - interval '1 hour' and a.at <= $1
           and not exists (select from renewal r
                            where r.id = (a.facts ->> 'conversation')::uuid and not r.is_outside_ceiling)
         limit $2) counted
