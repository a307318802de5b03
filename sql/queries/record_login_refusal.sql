-- Somebody could not sign in: from where, why, and the token that was named, when there is one of that id.
insert into audit_event (at, event, principal, facts)
values ($1, 'web.loginRefused', 'anyone',
        jsonb_strip_nulls(jsonb_build_object('source', $2::text, 'reason', $3::text, 'token', $4::text)))
returning id
