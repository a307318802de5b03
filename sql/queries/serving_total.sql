-- How many certificates serve; the same are given up as in serving_near_end.sql. All of an index is read.
select count(*)::int
         - (select count(*) from certificate_use where is_serving and lineage_id is null and not_after < $1::timestamptz)::int
         as total
  from certificate_use where is_serving
