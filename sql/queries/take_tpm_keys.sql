-- Keys that a TPM proved to hold, by Name. Fewer rows than keys: one is another device's, or has another role.
insert into tpm_key (name, device_id, role, public, spki_sha256, created_at)
select name, $1, role, public, spki_sha256, $6::timestamptz
  from unnest($2::text[], $3::text[], $4::bytea[], $5::text[]) as k (name, role, public, spki_sha256)
 order by name
on conflict (name) do update set replaced_at = null
 where tpm_key.device_id = excluded.device_id and tpm_key.role = excluded.role
returning name
