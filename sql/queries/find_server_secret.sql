-- The shared secret of this name.
select value from server_secret where name = $1
