-- What was seen of one endpoint, in place of what was seen before. Of two servers that looked, the later word stays,
-- unless a clock that was wrong wrote it far ahead.
insert into probe (endpoint, looked_at, reachable_at, unreachable_since, findings, served_sha256, served_not_after)
values ($1, $2, $3, $4, $5::jsonb, $6, $7)
on conflict (endpoint) do update
   set looked_at = excluded.looked_at, reachable_at = excluded.reachable_at,
       unreachable_since = excluded.unreachable_since, findings = excluded.findings,
       served_sha256 = excluded.served_sha256, served_not_after = excluded.served_not_after
 where probe.looked_at <= excluded.looked_at or probe.looked_at > excluded.looked_at + interval '1 hour'
returning endpoint
