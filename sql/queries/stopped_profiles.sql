-- Which of the profiles as they are now ($1, digests) issue nothing any more.
select profile, reason, stopped_at from profile_stop where profile_digest = any ($1::text[])
