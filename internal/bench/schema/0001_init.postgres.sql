-- An order as a plain application keeps it: the JSON and six indexes.
create table bench_order (
	id          bigint primary key,
	store       bigint not null,
	external_id text collate "C" not null,
	email       text collate "C",
	phone       text collate "C",
	name        text collate "C",
	postal      text collate "C",
	national    text collate "C",
	fetched_at  bigint not null,
	body        text collate "C" not null
);
create unique index bench_order_external on bench_order (store, external_id);
create index bench_order_email on bench_order (store, email);
create index bench_order_phone on bench_order (store, phone);
create index bench_order_name on bench_order (store, name);
create index bench_order_postal on bench_order (store, postal);
create index bench_order_national on bench_order (store, national);

-- One row per act.
create table bench_log (
	id        bigint generated always as identity primary key,
	at        bigint not null,
	actor     text collate "C" not null,
	act       bigint not null,
	outcome   bigint not null,
	store     bigint not null,
	record    bigint not null,
	count     bigint not null,
	purpose   text collate "C" not null,
	reference text collate "C" not null
);

-- The same order without secondary indexes.
create table bench_bare (
	id   bigint primary key,
	body text collate "C" not null
);
