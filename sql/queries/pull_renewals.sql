-- Moves the renewal of many lineages nearer, each to its own instant and never further away, with one line of the audit.
-- A lineage that was renewed meanwhile is pulled as well: it is in the scope.
with wanted as (
  select * from unnest($1::uuid[], $2::timestamptz[]) as w (lineage_id, at)
), pulled as (
  update lineage l set renew_at = w.at, pulled_at = $3, pulled_by = $4, pulled_because = $5
    from wanted w
   where l.id = w.lineage_id and l.renew_at > w.at
  returning l.id
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $3::timestamptz, 'renewals.pulled', $4,
         jsonb_build_object('scope', $6::jsonb, 'because', $5::text, 'matched', (select count(*) from wanted),
                            'pulled', (select count(*) from pulled), 'until', (select max(at) from wanted))
)
select count(*)::int as pulled from pulled
