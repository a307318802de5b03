-- Locks lineages ($1), in one order whoever else locks several, so that who serves is decided by one after the other.
select id from lineage where id = any ($1::uuid[]) order by id for no key update
