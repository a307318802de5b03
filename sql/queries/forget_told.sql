-- What is long over is forgotten, at most $4 rows of each kind at a time: alarms marked before $1; of warnings closed before
-- $2 what was told of them, with its messages; warnings closed before $3. What refers to a row goes a turn before it.
with events as (
  delete from outbox where id in (select id from outbox where delivered_at < $1::timestamptz order by id limit $4::int)
  returning 1
), old as (
  select c.ctid from crossing c
    join warning w on w.id = c.warning_id
    left join delivery d on d.id = c.delivery_id
   where w.closed_at < $2::timestamptz and (c.delivery_id is null or d.concluded_at < $2)
   limit $4
), crossings as (
  delete from crossing where ctid in (select ctid from old) returning 1
), deliveries as (
  delete from delivery
   where id in (select d.id from delivery d
                 where d.concluded_at < $2 and not exists (select from crossing c where c.delivery_id = d.id)
                 order by d.created_at limit $4)
  returning 1
), warnings as (
  delete from warning
   where id in (select w.id from warning w
                 where w.closed_at < $3::timestamptz and not exists (select from crossing c where c.warning_id = w.id)
                 order by w.closed_at limit $4)
  returning 1
)
select ((select count(*) from events) + (select count(*) from crossings) + (select count(*) from deliveries)
        + (select count(*) from warnings))::int as forgotten
