-- Calls that people allowed a store's mirror beyond the table. state: 1 proposed,
-- 2 in force, 3 over. The card is sealed under the row's id, store, number, state,
-- author and approver.
create table gateway_allowed (
	id       text    not null primary key,
	store    text    not null,
	number   integer not null check (number > 0),
	state    integer not null check (state between 1 and 3),
	author   text    not null,
	approver text    not null,
	at       integer not null,
	card     blob    not null,
	unique (store, number)
) strict;
