-- Remembers a value ($2) under a name ($1), for all servers of this database.
insert into server_setting (name, value) values ($1, $2)
on conflict (name) do update set value = excluded.value
returning name
