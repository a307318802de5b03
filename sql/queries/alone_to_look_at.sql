-- Certificates without a lineage that serve and whose end is near at $1. What ended before $2 was given up, unless it is the
-- service's own.
select c.fingerprint, c.profile, c.subject_common_name, c.principal, c.not_before, c.not_after
  from certificate_use u
  join certificate c using (fingerprint)
 where u.is_serving and u.lineage_id is null and u.warning_at <= $1::timestamptz
   and (u.not_after >= $2::timestamptz or c.principal = 'service')
