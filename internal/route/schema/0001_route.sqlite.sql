-- A version of a route: what it says is sealed, what it is and who decided about it
-- is bound by a proof. state: 1 proposed, 2 in force, 3 superseded, 4 removed,
-- 5 withdrawn.
create table route_version (
	id         text primary key,
	name       text not null,
	number     integer not null,
	state      integer not null,
	author     text not null,
	created_at integer not null,
	decided_by text not null default '',
	decided_at integer not null default 0,
	sealed     blob not null,
	proof      blob not null,
	unique (name, number)
) strict;

-- One version of a name is in force.
create unique index route_version_active on route_version (name) where state = 2;

-- What went out by a route at a store in the present hour.
create table route_use (
	name   text not null,
	store  text not null,
	hour   integer not null,
	calls  integer not null,
	tokens integer not null,
	primary key (name, store)
) strict, without rowid;
