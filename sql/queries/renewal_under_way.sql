-- The renewal of a lineage that somebody works on at $2; one that a crash left behind is ended, and yields no row.
with lapsed as (
  update renewal
     set lease_until = null, concluded_at = $2::timestamptz,
         refusals = '[{"reason": "renewalLost", "detail": "another request came before this one had a result"}]'
   where lineage_id = $1 and lease_until <= $2
  returning id, lineage_id, refusals
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $2, 'renewal.lost', 'service', jsonb_build_object('renewal', id, 'lineage', lineage_id, 'refusals', refusals)
    from lapsed
)
select lease_until from renewal where lineage_id = $1 and lease_until > $2::timestamptz
