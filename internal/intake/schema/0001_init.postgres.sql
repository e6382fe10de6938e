-- The sealed credential of a store: host, version and token.
create table intake_connection (
	store text   collate "C" not null primary key,
	card  bytea  not null,
	at    bigint not null
);

-- How far the sync of a resource has come, sealed. resource: 1 orders, 2
-- customers, 3 store.
create table intake_cursor (
	store    text     collate "C" not null,
	resource smallint not null check (resource between 1 and 3),
	card     bytea    not null,
	at       bigint   not null,
	primary key (store, resource)
);
