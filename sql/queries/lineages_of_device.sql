-- The lineages of a device.
select id, profile, place from lineage where device_id = $1 order by profile, place
