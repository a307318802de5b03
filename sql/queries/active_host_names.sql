-- The names of all active devices.
select host_name from device where state = 'active' order by host_name
