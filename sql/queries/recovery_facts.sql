-- Whether device $1 is overdue at $2: a lineage past its renewal, or whose newest certificate has ended; and when the
-- device was last heard of, in whatever way.
select exists (select from lineage l left join certificate c on c.fingerprint = l.newest_certificate
                where l.device_id = d.id and (l.renew_at <= $2::timestamptz or c.not_after < $2)) as is_overdue,
       greatest(d.last_seen_at,
                (select max(c.issued_at) from certificate c where c.device_id = d.id),
                (select r.reported_at from host_report r where r.device_id = d.id)) as last_seen_at
  from device d
 where d.id = $1
