-- The looks have their turn at $1. After an absence of more than $2 seconds hosts get $3 seconds to call before anything is
-- said of them; whoever looks takes part in the same row. What a wrong clock wrote far ahead is not waited for.
insert into server_setting as s (name, value) values ('looks', jsonb_build_object('at', $1::timestamptz)::text)
on conflict (name) do update
   set value = jsonb_build_object(
         'at', case when (s.value::jsonb ->> 'at')::timestamptz > $1 + make_interval(secs => $2::int) then $1
                    else greatest($1, (s.value::jsonb ->> 'at')::timestamptz) end,
         'patientUntil', case when (s.value::jsonb ->> 'at')::timestamptz < $1 - make_interval(secs => $2::int)
                                or (s.value::jsonb ->> 'patientUntil')::timestamptz > $1 + make_interval(secs => $3::int)
                              then $1 + make_interval(secs => $3::int)
                              else (s.value::jsonb ->> 'patientUntil')::timestamptz end)::text
returning coalesce((value::jsonb ->> 'patientUntil')::timestamptz > $1, false) as is_patient
