-- Certificates that a host found on itself and that nobody keeps.
select path, fingerprint, subject, issuer, not_before, not_after, fault
  from unmanaged_certificate
 where device_id = $1
 order by path
 limit 200
