-- The next trust bundle for a host that has come this far: it takes one after the other, since a later one may be signed
-- by a root that only an earlier one names.
select cms from trust_bundle where generation > $1 order by generation limit 1
