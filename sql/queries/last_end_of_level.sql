-- The last end among what serves and is critical ($2), or a warning and no more, at $1: behind it a page of that level needs
-- not look. Null when there is none.
select max(not_after) as not_after
  from certificate_use where is_serving and warning_at <= $1::timestamptz and (critical_at <= $1) = $2::boolean
