-- A version of the policies. state: 1 proposed, 2 approved, 3 active, 4
-- superseded, 5 withdrawn. base is the turn of policy_current it was approved
-- against; restores the number of the version it brings back, 0 for none. The
-- files are inside sealed; proof binds the row.
create table policy_version (
	id         text collate "C" primary key,
	number     bigint not null unique,
	state      bigint not null,
	author     text collate "C" not null,
	created_at bigint not null,
	decided_by text collate "C" not null default '',
	decided_at bigint not null default 0,
	active_at  bigint not null default 0,
	base       bigint not null default 0,
	restores   bigint not null default 0,
	digest     bytea not null,
	sealed     bytea not null,
	proof      bytea not null
);

-- Which version is in force; turn counts the changes. No row: none of these.
create table policy_current (
	one    bigint primary key,
	turn   bigint not null,
	number bigint not null,
	at     bigint not null,
	proof  bytea not null
);
