-- For each proved EK of a device the path to its root as it was verified, from the newest evidence (base64url); at least
-- its own certificate, where it has one.
select k.fingerprint, k.certificate, e.path
  from endorsement_key k
  left join lateral (
    select evidence -> 'endorsementKey' -> 'path' as path
      from enrollment
     where device_id = $1 and ek_fingerprint = k.fingerprint and evidence is not null
     order by activated_at desc
     limit 1
  ) e on true
 where k.device_id = $1
 order by k.proved_at, k.fingerprint
