-- What belongs to no lineage and ended before $1 serves no more: nothing renews it, and it would be counted for ever. At most
-- $2 at a time.
with given_up as (
  update certificate_use set is_serving = false
   where fingerprint in (select fingerprint from certificate_use
                          where is_serving and lineage_id is null and not_after < $1::timestamptz
                          order by not_after limit $2)
  returning 1
)
select count(*)::int as changed from given_up
