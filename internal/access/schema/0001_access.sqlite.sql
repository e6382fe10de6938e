-- What somebody asked for and what became of it. Whom and what it is about, and
-- why, is inside sealed, bound to this row.
create table access_request (
	id         text primary key,
	kind       integer not null,
	state      integer not null,
	asker      text not null,
	subject    text not null default '',
	asked_at   integer not null,
	ends_at    integer not null,
	decided_at integer not null default 0,
	decider    text not null default '',
	sealed     blob not null
) strict;

create index access_request_due on access_request (state, ends_at);
create index access_request_asker on access_request (asker, state);
create index access_request_subject on access_request (subject, state);

-- A right of a person. Where and for what it counts is inside sealed, bound to
-- this row and to the decision about its request.
create table access_grant (
	id       text primary key,
	subject  text not null,
	role     text not null default '',
	request  text not null,
	from_at  integer not null,
	until_at integer not null default 0,
	ended_at integer not null default 0,
	sealed   blob not null
) strict;

create index access_grant_subject on access_grant (subject, ended_at);
create index access_grant_role on access_grant (role, ended_at);
create index access_grant_due on access_grant (ended_at, until_at);

-- The rules about where callers may come from: one row, sealed as a whole, so that
-- none can be taken out.
create table access_network (
	one     integer primary key,
	made_at integer not null,
	sealed  blob not null
) strict;
