-- A batch of what serves, by fingerprint after $1: what its levels are computed from. The batch is cut before anything is
-- joined to it, and by a number that the planner knows: else it would sort everything for each batch.
select u.fingerprint, u.lineage_id, c.profile, c.not_before, c.not_after
  from (
    select fingerprint, lineage_id
      from certificate_use
     where is_serving and fingerprint > $1
     order by fingerprint
     limit 2000
  ) u
  join certificate c using (fingerprint)
 order by u.fingerprint
