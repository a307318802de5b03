-- What the servers of this database remember under a name; no row: nothing yet.
select value from server_setting where name = $1
