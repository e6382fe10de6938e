-- A sign-in under way, by the keyed hash of its name. Who and what was shown is
-- inside sealed, bound to step.
create table session_challenge (
	mark     bytea primary key,
	sealed   bytea not null,
	step     bigint not null,
	tries    bigint not null default 0,
	source   bytea not null,
	until_at bigint not null
);

create index session_challenge_source on session_challenge (source);
create index session_challenge_until on session_challenge (until_at);

-- A session, by the keyed hash of its token. Where it was opened is inside
-- sealed; proof binds the row.
create table session_session (
	id          text collate "C" primary key,
	person      text collate "C" not null,
	digest      bytea not null unique,
	sealed      bytea not null,
	rights      bytea not null,
	created_at  bigint not null,
	verified_at bigint not null,
	ends_at     bigint not null,
	proof       bytea not null,
	ended_at    bigint not null default 0,
	cause       text collate "C" not null default ''
);

create index session_session_person on session_session (person, ended_at);
create index session_session_ended on session_session (ended_at, ends_at);

-- When a session was last used.
create table session_use (
	session text collate "C" primary key,
	used_at bigint not null,
	proof   bytea not null
);

-- Failures in a row, by the keyed hash of what they are counted for. person is
-- the account, or empty for a source.
create table session_attempt (
	mark     bytea primary key,
	person   text collate "C" not null,
	failures bigint not null,
	until_at bigint not null default 0,
	last_at  bigint not null
);

create index session_attempt_person on session_attempt (person);
create index session_attempt_last on session_attempt (last_at);

-- Networks and devices a person signed in from, by keyed hash.
create table session_known (
	mark    bytea primary key,
	person  text collate "C" not null,
	last_at bigint not null
);

create index session_known_person on session_known (person);
create index session_known_last on session_known (last_at);

-- Accounts that are locked. complete: no way in is left.
create table session_lock (
	person   text collate "C" primary key,
	complete bigint not null,
	cause    text collate "C" not null,
	since_at bigint not null
);
