-- Public keys get their one holder and their one kind, in the order of their digests so that two takings never wait for
-- each other both ways. Fewer rows than keys: one has another holder or kind, or is compromised. The EK of a retired
-- device is free.
insert into public_key (spki_sha256, kind, device_id, first_seen_at)
select spki_sha256, kind, $1, $4::timestamptz
  from unnest($2::text[], $3::text[]) as k (spki_sha256, kind)
 order by spki_sha256
on conflict (spki_sha256) do update set device_id = excluded.device_id
 where public_key.kind = excluded.kind and public_key.compromised_at is null
   and (public_key.device_id = excluded.device_id
        or (public_key.kind = 'endorsement'
            and exists (select from device d where d.id = public_key.device_id and d.state = 'retired')))
returning spki_sha256
