-- The data key of each record's present version, wrapped under an epoch key.
-- Record ids begin with their time, so inserts append; the roll changes only
-- epoch and wrap, which no index holds, so with room in the page it needs no new
-- index entries.
create table keys_data (
	record   bigint  primary key,
	version  bigint  not null,
	store    bigint  not null,
	epoch    bigint  not null,
	erase_by bigint  not null,
	wrap     bytea   not null
) with (fillfactor = 90);

create index keys_data_erase_by on keys_data (erase_by);

-- Records whose key is gone and whose remains wait to be cleared.
create table keys_dead (
	record bigint   primary key,
	reason smallint not null,
	at     bigint   not null
);

-- Marks of work under way: how far the ledger is known to be applied, how far
-- the roll has come.
create table keys_mark (
	name  smallint primary key,
	value bigint   not null
);
