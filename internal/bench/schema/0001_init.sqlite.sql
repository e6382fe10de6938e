-- An order as a plain application keeps it: the JSON and six indexes.
create table bench_order (
	id          integer primary key,
	store       integer not null,
	external_id text    not null,
	email       text,
	phone       text,
	name        text,
	postal      text,
	national    text,
	fetched_at  integer not null,
	body        text    not null
) strict;
create unique index bench_order_external on bench_order (store, external_id);
create index bench_order_email on bench_order (store, email);
create index bench_order_phone on bench_order (store, phone);
create index bench_order_name on bench_order (store, name);
create index bench_order_postal on bench_order (store, postal);
create index bench_order_national on bench_order (store, national);

-- One row per act.
create table bench_log (
	id        integer primary key,
	at        integer not null,
	actor     text    not null,
	act       integer not null,
	outcome   integer not null,
	store     integer not null,
	record    integer not null,
	count     integer not null,
	purpose   text    not null,
	reference text    not null
) strict;

-- The same order without secondary indexes.
create table bench_bare (
	id   integer primary key,
	body text not null
) strict;
