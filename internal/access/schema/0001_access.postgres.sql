-- What somebody asked for and what became of it. Whom and what it is about, and
-- why, is inside sealed, bound to this row.
create table access_request (
	id         text collate "C" primary key,
	kind       bigint not null,
	state      bigint not null,
	asker      text collate "C" not null,
	subject    text collate "C" not null default '',
	asked_at   bigint not null,
	ends_at    bigint not null,
	decided_at bigint not null default 0,
	decider    text collate "C" not null default '',
	sealed     bytea not null
);

create index access_request_due on access_request (state, ends_at);
create index access_request_asker on access_request (asker, state);
create index access_request_subject on access_request (subject, state);

-- A right of a person. Where and for what it counts is inside sealed, bound to
-- this row and to the decision about its request.
create table access_grant (
	id       text collate "C" primary key,
	subject  text collate "C" not null,
	role     text collate "C" not null default '',
	request  text collate "C" not null,
	from_at  bigint not null,
	until_at bigint not null default 0,
	ended_at bigint not null default 0,
	sealed   bytea not null
);

create index access_grant_subject on access_grant (subject, ended_at);
create index access_grant_role on access_grant (role, ended_at);
create index access_grant_due on access_grant (ended_at, until_at);

-- The rules about where callers may come from: one row, sealed as a whole, so that
-- none can be taken out.
create table access_network (
	one     bigint primary key,
	made_at bigint not null,
	sealed  bytea not null
);
