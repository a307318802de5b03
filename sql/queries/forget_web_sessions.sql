-- Sessions that are over by their own clocks: ended by $1, or not used since $2.
with deleted as (
  delete from web_session where expires_at <= $1 or last_used_at <= $2 returning id_sha256
)
select count(*) as count from deleted
