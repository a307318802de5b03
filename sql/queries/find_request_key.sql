-- A request key by the digest of its SubjectPublicKeyInfo: the device that it speaks for now, and its enrollments. No
-- other key of a host is looked at.
with enrolled as (
  select array_agg(id order by created_at desc) as ids,
         (array_agg(request_key_public order by created_at desc))[1] as public
    from enrollment where request_key_sha256 = $1
)
select coalesce(k.public, e.public) as public,
       case when k.replaced_at is null and d.state <> 'retired' then d.id end as device_id,
       coalesce(e.ids, '{}')::text[] as enrollment_ids
  from enrolled e
  left join tpm_key k on k.spki_sha256 = $1 and k.role = 'request'
  left join device d on d.id = k.device_id
 where e.public is not null or k.public is not null
