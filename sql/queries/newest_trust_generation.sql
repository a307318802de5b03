-- Generation of the newest trust bundle; 0 while there is none.
select coalesce(max(generation), 0)::int as generation from trust_bundle
