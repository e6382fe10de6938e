-- A sign-in under way, by the keyed hash of its name. Who and what was shown is
-- inside sealed, bound to step.
create table session_challenge (
	mark     blob primary key,
	sealed   blob not null,
	step     integer not null,
	tries    integer not null default 0,
	source   blob not null,
	until_at integer not null
) strict;

create index session_challenge_source on session_challenge (source);
create index session_challenge_until on session_challenge (until_at);

-- A session, by the keyed hash of its token. Where it was opened is inside
-- sealed; proof binds the row.
create table session_session (
	id          text primary key,
	person      text not null,
	digest      blob not null unique,
	sealed      blob not null,
	rights      blob not null,
	created_at  integer not null,
	verified_at integer not null,
	ends_at     integer not null,
	proof       blob not null,
	ended_at    integer not null default 0,
	cause       text not null default ''
) strict;

create index session_session_person on session_session (person, ended_at);
create index session_session_ended on session_session (ended_at, ends_at);

-- When a session was last used.
create table session_use (
	session text primary key,
	used_at integer not null,
	proof   blob not null
) strict;

-- Failures in a row, by the keyed hash of what they are counted for. person is
-- the account, or empty for a source.
create table session_attempt (
	mark     blob primary key,
	person   text not null,
	failures integer not null,
	until_at integer not null default 0,
	last_at  integer not null
) strict;

create index session_attempt_person on session_attempt (person);
create index session_attempt_last on session_attempt (last_at);

-- Networks and devices a person signed in from, by keyed hash.
create table session_known (
	mark    blob primary key,
	person  text not null,
	last_at integer not null
) strict;

create index session_known_person on session_known (person);
create index session_known_last on session_known (last_at);

-- Accounts that are locked. complete: no way in is left.
create table session_lock (
	person   text primary key,
	complete integer not null,
	cause    text not null,
	since_at integer not null
) strict;
