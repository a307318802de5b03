-- Active hosts whose last report says that something is wrong on them, with those findings alone. The condition is that of
-- the index host_report_findings.
select h.device_id, d.host_name, h.reported_at,
       jsonb_path_query_array(h.report, '$.findings[*] ? (@.level == "warning" || @.level == "critical")') as findings
  from host_report h
  join device d on d.id = h.device_id and d.state = 'active'
 where jsonb_path_exists(h.report, '$.findings[*] ? (@.level == "warning" || @.level == "critical")')
