-- Endpoints that are not among $1 are declared no longer.
delete from probe where endpoint <> all($1::text[]) returning endpoint
