-- The lineages that a device's certificates will follow one another in, made where there are none yet.
insert into lineage (id, device_id, profile, place, created_at)
select id, $1, profile, place, $5::timestamptz
  from unnest($2::uuid[], $3::text[], $4::text[]) as l (id, profile, place)
on conflict (device_id, profile, place) do nothing
returning id
