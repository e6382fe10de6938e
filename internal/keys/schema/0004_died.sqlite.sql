-- The dead wait in batches: the records that died together for one reason are one
-- row, eight bytes each, in order. A row for each of them was more work than the
-- death of their keys.
create table keys_died (
	num     integer primary key,
	reason  integer not null,
	at      integer not null,
	least   integer not null,
	most    integer not null,
	n       integer not null,
	records blob    not null
) strict;
insert into keys_died (reason, at, least, most, n, records)
	select reason, at, record, record, 1, unhex(printf('%016x', record)) from keys_dead order by at, record;
drop table keys_dead;
