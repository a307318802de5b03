-- One server at a time makes messages of alarms, so that those of one name are one. Released with the transaction.
select pg_try_advisory_xact_lock(hashtextextended('omens.events', 0)) as locked
