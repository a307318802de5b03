-- Agents that Keylime knows, by how their attestation stands; unknown are those of which the verifier does not speak.
select case when word_at is null then 'unknown'
            when failing_since is not null then 'failing'
            when passing_since is not null then 'passing'
            else 'starting' end as status,
       count(*)::int as agents, count(held_at)::int as held,
       count(*) filter (where device_id is not null and word_at is not null)::int as spoken_of, max(seen_at) as last_look_at
  from keylime_agent
 group by status
