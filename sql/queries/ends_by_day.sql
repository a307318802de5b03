-- Certificates that serve, by the day (UTC, counted from the one of $1) on which they end within $2 days, and by level at $1.
select floor(extract(epoch from u.not_after - date_trunc('day', $1::timestamptz, 'UTC')) / 86400)::int as days_from_today,
       case when u.critical_at <= $1 then 'critical'
            when u.warning_at <= $1 then 'warning' else 'ok' end as level,
       count(*) as count
  from certificate_use u
 where u.is_serving
   and u.not_after > $1::timestamptz
   and u.not_after < date_trunc('day', $1::timestamptz, 'UTC') + $2::int * interval '1 day'
 group by 1, 2
