-- What the ceiling was used for: renewals under it in the last hour that were not refused, those outside it in the last
-- day, and lineages whose hosts were told to wait in the last hour and have not come through.
select (select count(*) from renewal where admitted_at > $1::timestamptz - interval '1 hour' and not is_outside_ceiling and refusals is null)::int as used,
       (select count(*) from renewal where admitted_at > $1::timestamptz - interval '24 hours' and is_outside_ceiling)::int as outside,
       (select count(*) from lineage where asked_at > $1::timestamptz - interval '1 hour')::int as waiting
