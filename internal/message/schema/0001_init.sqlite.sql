-- A key of the instance that requests are sealed to. id is its thumbprint; sealed is its
-- private half, bound to the other columns.
create table message_own (
	id     text not null primary key,
	made   integer not null,
	sealed blob not null
) strict;

-- A public key that somebody's answers are sealed to. sealed is the key, bound to the
-- other columns. until is 0 where it has no end.
create table message_client (
	id     text not null primary key,
	holder text not null,
	added  integer not null,
	author text not null,
	until  integer not null,
	sealed blob not null
) strict;

create index message_client_holder on message_client (holder);
