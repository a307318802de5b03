-- One server at a time takes in what Keylime says, so that the gate is shut and opened once. Released with the transaction.
select true as locked from pg_advisory_xact_lock(hashtextextended('omens.keylime', 0))
