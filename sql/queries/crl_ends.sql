-- When the newest CRL of each issuer ends.
select i.id as issuer_id, c.next_update
  from issuer i
 cross join lateral (select next_update from crl where issuer_id = i.id order by number desc limit 1) c
