-- How many warnings are open of conditions other than these ($1).
select count(*)::int as open from warning where closed_at is null and condition <> all ($1::text[])
