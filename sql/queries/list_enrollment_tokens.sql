-- Enrollment tokens that were not withdrawn, the newest first, after the one that the last page ended with ($1, $2; null
-- for the first page).
select id, secret_sha256, host_name, grants, created_by, created_at, expires_at, revoked_at, spent_at
  from enrollment_token
 where revoked_at is null and ($1::timestamptz is null or (created_at, id) < ($1::timestamptz, $2::uuid))
 order by created_at desc, id desc
 limit $3
