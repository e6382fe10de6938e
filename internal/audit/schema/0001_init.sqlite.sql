-- The head: the newest log, its size, the frontier of its tree and the time of
-- its newest event in microseconds. One row; its update orders all writers.
create table audit_head (
	id       integer primary key check (id = 1),
	log      integer not null,
	size     integer not null,
	frontier blob    not null,
	newest   integer not null
) strict;

insert into audit_head (id, log, size, frontier, newest) values (1, 0, 0, x'', 0);

-- The logs, one unless a log was continued.
create table audit_log (
	log    integer primary key,
	origin text    not null unique,
	begun  integer not null
) strict;

-- The events. position is log * 2^40 + index: one integer key appends fastest.
create table audit_event (
	position integer primary key,
	leaf     blob    not null
) strict;

-- Tiles of the tree, 256 hashes each. Level 0 holds full tiles only; a tile of an
-- upper level grows.
create table audit_tile (
	log   integer not null,
	level integer not null,
	n     integer not null,
	data  blob    not null,
	primary key (log, level, n)
) strict;

-- The newest signed checkpoint of each hour.
create table audit_checkpoint (
	log  integer not null,
	hour integer not null,
	size integer not null,
	note blob    not null,
	primary key (log, hour)
) strict;
