-- The dead wait in batches: the records that died together for one reason are one
-- row, eight bytes each, in order. A row for each of them was more work than the
-- death of their keys.
create table keys_died (
	num     bigint generated always as identity primary key,
	reason  smallint not null,
	at      bigint   not null,
	least   bigint   not null,
	most    bigint   not null,
	n       bigint   not null,
	records bytea    not null
);
alter table keys_died alter column records set storage external;
insert into keys_died (reason, at, least, most, n, records)
	select reason, at, record, record, 1, int8send(record) from keys_dead order by at, record;
drop table keys_dead;
