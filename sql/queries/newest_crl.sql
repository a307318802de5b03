-- The newest CRL of issuer $1.
select number, this_update, next_update, der from crl where issuer_id = $1 order by number desc limit 1
