-- One at a time for one EK and host name, until the transaction ends.
select 1 as locked from (select pg_advisory_xact_lock(hashtextextended('enrollment ' || $1::text || ' ' || $2::text, 0))) as l
