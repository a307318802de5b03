-- One enrollment token.
select id, secret_sha256, host_name, grants, created_by, created_at, expires_at, revoked_at, spent_at
  from enrollment_token
 where id = $1
