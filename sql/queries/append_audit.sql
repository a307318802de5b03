-- One line of the audit.
insert into audit_event (at, event, principal, facts) values ($1, $2, $3, $4) returning id
