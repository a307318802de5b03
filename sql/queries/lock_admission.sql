-- One server at a time admits renewals, so that the ceiling is one. Released with the transaction.
select true as locked from pg_advisory_xact_lock(hashtextextended('omens.renewal.admission', 0))
