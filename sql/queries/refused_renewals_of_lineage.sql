-- Renewals of a lineage that were refused, the last one first.
select id, coalesce(concluded_at, admitted_at) as at, refusals
  from renewal
 where lineage_id = $1 and refusals is not null
 order by admitted_at desc
 limit $2
