-- A version of the policies. state: 1 proposed, 2 approved, 3 active, 4
-- superseded, 5 withdrawn. base is the turn of policy_current it was approved
-- against; restores the number of the version it brings back, 0 for none. The
-- files are inside sealed; proof binds the row.
create table policy_version (
	id         text primary key,
	number     integer not null unique,
	state      integer not null,
	author     text not null,
	created_at integer not null,
	decided_by text not null default '',
	decided_at integer not null default 0,
	active_at  integer not null default 0,
	base       integer not null default 0,
	restores   integer not null default 0,
	digest     blob not null,
	sealed     blob not null,
	proof      blob not null
) strict;

-- Which version is in force; turn counts the changes. No row: none of these.
create table policy_current (
	one    integer primary key,
	turn   integer not null,
	number integer not null,
	at     integer not null,
	proof  blob not null
) strict;
