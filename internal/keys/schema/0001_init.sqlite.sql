-- The data key of each record's present version, wrapped under an epoch key.
-- Record ids begin with their time, so inserts append; the roll changes only
-- epoch and wrap, which no index holds.
create table keys_data (
	record   integer primary key,
	version  integer not null,
	store    integer not null,
	epoch    integer not null,
	erase_by integer not null,
	wrap     blob    not null
) strict;

create index keys_data_erase_by on keys_data (erase_by);

-- Records whose key is gone and whose remains wait to be cleared.
create table keys_dead (
	record integer primary key,
	reason integer not null,
	at     integer not null
) strict;

-- Marks of work under way: how far the ledger is known to be applied, how far
-- the roll has come.
create table keys_mark (
	name  integer primary key,
	value integer not null
) strict;
