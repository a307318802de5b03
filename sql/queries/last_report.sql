-- The last report of a device, held until this transaction ends: two reports at once tell one change once.
select report from host_report where device_id = $1 for update
