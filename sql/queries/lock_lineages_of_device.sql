-- Locks the lineages of device $1, in the order of lock_lineages.sql.
select id from lineage where device_id = $1 order by id for no key update
