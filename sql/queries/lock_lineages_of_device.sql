-- Locks device $1 and its lineages, the device first as whoever records intents does, the lineages in the order of
-- lock_lineages.sql.
select l.id from device d join lineage l on l.device_id = d.id where d.id = $1 order by l.id for no key update
