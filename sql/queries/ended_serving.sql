-- How many certificates serve although they ended before $1. What belongs to no lineage and ended before $2 was given up.
select count(*) as count
  from certificate_use
 where is_serving and not_after <= $1 and (lineage_id is not null or not_after > $2)
