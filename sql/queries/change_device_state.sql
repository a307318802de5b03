-- Suspends, resumes or retires a device. Retirement is final, and takes the pre-registrations of its EKs along: otherwise
-- the TPM would come back by itself.
with changed as (
  update device set state = $2 where id = $1 and state <> 'retired' and state <> $2 returning id, host_name, state
), forgotten as (
  delete from preregistration p
   using endorsement_key e, changed c
   where c.state = 'retired' and e.device_id = c.id and p.ek_fingerprint = e.fingerprint
  returning p.ek_fingerprint
), audited as (
  insert into audit_event (at, event, principal, facts)
  select $4::timestamptz,
         'device.' || case state when 'active' then 'resumed' else state end, $3::text,
         jsonb_build_object('device', id, 'hostName', host_name,
                            'preregistrationsForgotten', (select coalesce(jsonb_agg(f.ek_fingerprint), '[]') from forgotten f))
    from changed
)
select id from device where id = $1 and (state <> 'retired' or $2 = 'retired')
