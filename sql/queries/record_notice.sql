-- Something that changes nothing and should be known: for the audit, and for people when there is a topic ($5). One
-- principal raises at most a hundred alarms an hour, so that no host can drown those of others; the audit has them all.
with audited as (
  insert into audit_event (at, event, principal, facts) values ($1::timestamptz, $2, $3, $4::jsonb)
), sent as (
  insert into outbox (topic, key, facts, created_at)
  select $5::text, $6::text, $4::jsonb || jsonb_build_object('event', $2::text, 'principal', $3::text), $1
   where $5 is not null
     and (select count(*) from outbox
           where topic = 'alarm' and facts ->> 'principal' = $3 and created_at > $1 - interval '1 hour') < 100
)
select 1 as done
