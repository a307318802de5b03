-- The trust bundle in force.
select cms from trust_bundle order by generation desc limit 1
