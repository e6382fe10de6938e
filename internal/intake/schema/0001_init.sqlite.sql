-- The sealed credential of a store: host, version and token.
create table intake_connection (
	store text    not null primary key,
	card  blob    not null,
	at    integer not null
) strict;

-- How far the sync of a resource has come, sealed. resource: 1 orders, 2
-- customers, 3 store.
create table intake_cursor (
	store    text    not null,
	resource integer not null check (resource between 1 and 3),
	card     blob    not null,
	at       integer not null,
	primary key (store, resource)
) strict;
