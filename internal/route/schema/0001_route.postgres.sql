-- A version of a route: what it says is sealed, what it is and who decided about it
-- is bound by a proof. state: 1 proposed, 2 in force, 3 superseded, 4 removed,
-- 5 withdrawn.
create table route_version (
	id         text collate "C" primary key,
	name       text collate "C" not null,
	number     bigint not null,
	state      bigint not null,
	author     text collate "C" not null,
	created_at bigint not null,
	decided_by text collate "C" not null default '',
	decided_at bigint not null default 0,
	sealed     bytea not null,
	proof      bytea not null,
	unique (name, number)
);

-- One version of a name is in force.
create unique index route_version_active on route_version (name) where state = 2;

-- What went out by a route at a store in the present hour.
create table route_use (
	name   text collate "C" not null,
	store  text collate "C" not null,
	hour   bigint not null,
	calls  bigint not null,
	tokens bigint not null,
	primary key (name, store)
);
