-- What waits at $1. Alarms are counted up to ten thousand: beyond that more is not worse.
select (select count(*) from lineage where asked_at > $1::timestamptz - interval '1 hour')::int as renewals_waiting,
       (select count(*) from issuance_intent where outcome is null)::int as intents_open,
       (select count(*) from enrollment where state = 'pending')::int as enrollments_pending,
       (select count(*) from (select from outbox where topic = 'alarm' and delivered_at is null limit 10000) a)::int as alarms_waiting,
       (select created_at from outbox where topic = 'alarm' and delivered_at is null order by id limit 1) as oldest_alarm_at
