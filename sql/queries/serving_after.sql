-- A batch ($2) of what serves, by fingerprint after $1: what its levels are computed from.
select u.fingerprint, u.lineage_id, c.profile, c.not_before, c.not_after
  from certificate_use u
  join certificate c using (fingerprint)
 where u.is_serving and u.fingerprint > $1
 order by u.fingerprint
 limit $2
