-- The host of lineage $1 was told at $2 to wait because of the ceiling.
update lineage set asked_at = $2::timestamptz where id = $1 returning id
