-- The newest renewal of a lineage by these very octets.
select id, lineage_id, body_sha256, admitted_at, is_outside_ceiling, is_recovery, lease_until, refusals, fingerprint
  from renewal
 where lineage_id = $1 and body_sha256 = $2
 order by admitted_at desc
 limit 1
