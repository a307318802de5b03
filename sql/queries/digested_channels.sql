-- Channels that have the digest of a day.
select channel from delivery where kind = 'digest' and cause = $1
