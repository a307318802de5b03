-- Campaigns that stopped after $1 and that no later one of their name took up again.
select c.id, c.name, c.stop_reason, c.changed_at
  from campaign c
 where c.state = 'stopped' and c.changed_at > $1::timestamptz
   and not exists (select from campaign n where n.name = c.name and n.created_at > c.created_at)
