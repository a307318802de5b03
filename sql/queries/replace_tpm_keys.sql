-- The keys of a device that others of the same role take the place of; $2 are the Names and $3 the roles of the new ones.
update tpm_key
   set replaced_at = $4::timestamptz
 where device_id = $1 and replaced_at is null and name <> all ($2::text[]) and role = any ($3::text[])
returning name
