-- The head: the newest log, its size, the frontier of its tree and the time of
-- its newest event in microseconds. One row; its update orders all writers.
create table audit_head (
	id       bigint primary key check (id = 1),
	log      bigint not null,
	size     bigint not null,
	frontier bytea  not null,
	newest   bigint not null
) with (fillfactor = 20);

insert into audit_head (id, log, size, frontier, newest) values (1, 0, 0, '', 0);

-- The logs, one unless a log was continued.
create table audit_log (
	log    bigint primary key,
	origin text   collate "C" not null unique,
	begun  bigint not null
);

-- The events. position is log * 2^40 + index: one integer key appends fastest.
create table audit_event (
	position bigint primary key,
	leaf     bytea  not null
);

-- Tiles of the tree, 256 hashes each. Level 0 holds full tiles only; a tile of an
-- upper level grows. Hashes do not compress.
create table audit_tile (
	log   bigint not null,
	level bigint not null,
	n     bigint not null,
	data  bytea  not null,
	primary key (log, level, n)
);

alter table audit_tile alter column data set storage external;

-- The newest signed checkpoint of each hour.
create table audit_checkpoint (
	log  bigint not null,
	hour bigint not null,
	size bigint not null,
	note bytea  not null,
	primary key (log, hour)
);
