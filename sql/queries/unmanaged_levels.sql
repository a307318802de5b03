-- How many of what expiring_unmanaged.sql lists are fine, a warning, and critical at $1; $2 is its $5.
select count(*) filter (where level = 0)::int as ok,
       count(*) filter (where level = 1)::int as warning,
       count(*) filter (where level = 2)::int as critical
  from (select max(case when u.critical_at <= $1::timestamptz or u.fault = 'softwareKeyDevId' then 2
                        when u.warning_at <= $1 or u.fault is not null then 1 else 0 end) as level
          from unmanaged_certificate u
          join device d on d.id = u.device_id and d.state <> 'retired'
         where (coalesce(u.fault, 'expired') <> 'expired' or u.not_after >= $2::timestamptz)
           and not exists (select from certificate c where c.fingerprint = u.fingerprint)
         group by u.not_after, u.fingerprint) once
