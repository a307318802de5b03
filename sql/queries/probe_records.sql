-- What was seen of every endpoint the last time. There are at most 200, and those of a configuration before are forgotten.
select endpoint, looked_at, reachable_at, unreachable_since, findings, served_sha256, served_not_after
  from probe
 order by endpoint
