-- Devices by state.
select state, count(*)::int as count from device group by state
