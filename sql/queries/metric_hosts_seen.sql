-- The $1 active hosts that have been silent for longest.
select host_name, last_seen_at from device where state = 'active' order by last_seen_at limit $1::int
