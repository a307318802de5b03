-- An attempt at a delivery $1 begins; until $2 it is somebody's. Counted before it is made.
update delivery set attempts = attempts + 1, lease_until = $2 where id = $1 returning attempts
