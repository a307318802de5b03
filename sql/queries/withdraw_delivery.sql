-- A delivery $1 is not sent (again), at $2. With $3 it is taken apart: nobody has it, and its crossings wait anew, but for
-- those that are over ($4).
with withdrawn as (
  update delivery set concluded_at = $2::timestamptz, outcome = 'withdrawn', lease_until = null
   where id = $1 and concluded_at is null
  returning id
), freed as (
  update crossing c
     set delivery_id = null,
         moot_at = case when exists (select from jsonb_to_recordset($4::jsonb) as o (warning uuid, kind text)
                                      where o.warning = c.warning_id and o.kind = c.kind) then $2 end
    from withdrawn w
   where c.delivery_id = w.id and $3::boolean
)
select id from withdrawn
