-- Calls that people allowed a store's mirror beyond the table. state: 1 proposed,
-- 2 in force, 3 over. The card is sealed under the row's id, store, number, state,
-- author and approver.
create table gateway_allowed (
	id       text     collate "C" not null primary key,
	store    text     collate "C" not null,
	number   bigint   not null check (number > 0),
	state    smallint not null check (state between 1 and 3),
	author   text     collate "C" not null,
	approver text     collate "C" not null,
	at       bigint   not null,
	card     bytea    not null,
	unique (store, number)
);
