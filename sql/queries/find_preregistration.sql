-- One pre-registered EK.
select ek_fingerprint, host_name, grants, exception, created_by, created_at from preregistration where ek_fingerprint = $1
