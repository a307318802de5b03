-- When a host last came for each profile: the last certificate, by steps along its index from profile to profile, and the
-- last request of the day before $1.
with recursive issued as (
  (select profile, issued_at from certificate where lineage_id is not null order by profile desc, issued_at desc limit 1)
   union all
  select n.profile, n.issued_at
    from issued i
   cross join lateral (
     select profile, issued_at from certificate
      where lineage_id is not null and profile < i.profile
      order by profile desc, issued_at desc
      limit 1) n
), asked as (
  select l.profile, max(r.admitted_at) as admitted_at
    from renewal r
    join lineage l on l.id = r.lineage_id
   where r.admitted_at > $1::timestamptz - interval '24 hours'
   group by l.profile
)
select profile, asked.admitted_at as last_attempt_at, issued.issued_at as last_success_at
  from issued
  full join asked using (profile)
