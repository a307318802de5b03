-- One server at a time changes what is warned of, so that no warning opens twice. Released with the transaction.
select true as locked from pg_advisory_xact_lock(hashtextextended('omens.warnings', 0))
