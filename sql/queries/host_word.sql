-- The last word of a host about itself.
select reported_at, agent_version, report from host_report where device_id = $1
