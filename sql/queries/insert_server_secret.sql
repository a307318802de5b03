-- Offers a secret that all servers of this database shall share; the first one offered stays.
insert into server_secret (name, value) values ($1, $2)
on conflict (name) do nothing
returning name
