-- Certificates of the device or of the lineage of this id. At most $2 of each.
(select fingerprint from certificate where device_id = $1 limit $2)
union
(select fingerprint from certificate where lineage_id = $1 limit $2)
