-- Stores a CRL. The key (issuer, number) makes numbers strictly monotonic: of two servers, one is refused.
insert into crl (issuer_id, number, this_update, next_update, der) values ($1, $2, $3, $4, $5)
on conflict do nothing
returning number
