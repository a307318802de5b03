-- Lineages that may not be well at $1, each found by an index: the end of what serves is near, the renewal was due before $2,
-- attempts failed, the newest certificate is not confirmed or is revoked, or somebody was warned of one already. Only those
-- that may have something: what is blocked has no standing. What they mean is decided in domain/standings/.
with candidate as (
  select u.lineage_id as id from certificate_use u
   where u.is_serving and u.lineage_id is not null and u.warning_at <= $1::timestamptz
  union
  select l.id from lineage l where l.renew_at <= $2::timestamptz
  union
  select l.id from lineage l where l.failures > 0
  union
  select u.lineage_id from certificate_use u
   where u.confirmed_at is null and u.superseded_at is null and u.lineage_id is not null
  union
  select l.id
    from revocation r
    join certificate c on c.issuer_id = r.issuer_id and c.serial_number = r.serial_number and c.not_after > $1
    join lineage l on l.id = c.lineage_id and l.newest_certificate = c.fingerprint
  union
  select w.lineage_id from warning w where w.closed_at is null and w.lineage_id is not null
)
select l.id
  from candidate
  join lineage l using (id)
  join device d on d.id = l.device_id and d.state = 'active'
  join device_grant g on g.device_id = l.device_id and g.profile = l.profile and g.place = l.place
