-- A key of the instance that requests are sealed to. id is its thumbprint; sealed is its
-- private half, bound to the other columns.
create table message_own (
	id     text collate "C" not null primary key,
	made   bigint not null,
	sealed bytea not null
);

-- A public key that somebody's answers are sealed to. sealed is the key, bound to the
-- other columns. until is 0 where it has no end.
create table message_client (
	id     text collate "C" not null primary key,
	holder text collate "C" not null,
	added  bigint not null,
	author text collate "C" not null,
	until  bigint not null,
	sealed bytea not null
);

create index message_client_holder on message_client (holder);
