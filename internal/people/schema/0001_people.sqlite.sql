-- A person. Name, address and the rest are inside sealed, bound to this row.
create table people_person (
	id         text primary key,
	sealed     blob not null,
	state      text not null,
	created_at integer not null,
	starts_at  integer not null default 0,
	ends_at    integer not null default 0,
	ended_at   integer not null default 0,
	revoked_at integer not null default 0,
	erased_at  integer not null default 0
) strict;

create index people_person_due on people_person (state, ends_at);
create index people_person_gone on people_person (erased_at, revoked_at);

-- The data key of a person, wrapped. Without it nothing about the person opens.
create table people_key (
	person  text primary key,
	wrapped blob not null
) strict;

-- The keyed hash of the folded address: one address, one living account.
create table people_mail (
	digest blob primary key,
	person text not null
) strict;

create index people_mail_person on people_mail (person);

-- One-time links into an enrolment, by the hash of their text.
create table people_link (
	digest     blob primary key,
	person     text not null,
	expires_at integer not null,
	proof      blob not null
) strict;

create index people_link_person on people_link (person);

-- Enrolments under way: what a link was exchanged for.
create table people_enrolment (
	digest     blob primary key,
	id         text not null,
	person     text not null,
	expires_at integer not null,
	proof      blob not null
) strict;

create index people_enrolment_person on people_enrolment (person);

-- The password of a person and those before it.
create table people_password (
	id          text primary key,
	person      text not null,
	sealed      blob not null,
	set_at      integer not null,
	current     integer not null,
	must_change integer not null default 0
) strict;

create index people_password_person on people_password (person, set_at);
create index people_password_age on people_password (current, set_at);

-- What else a person shows: authenticator apps, passkeys, recovery codes.
create table people_factor (
	id         text primary key,
	person     text not null,
	kind       text not null,
	lookup     blob not null unique,
	sealed     blob not null,
	created_at integer not null,
	used_at    integer not null default 0,
	step       integer not null default 0,
	pending    integer not null default 0
) strict;

create index people_factor_person on people_factor (person);

-- The making of a passkey under way, one for each person.
create table people_ceremony (
	person     text primary key,
	sealed     blob not null,
	expires_at integer not null
) strict;

-- Trainings and pledges. The newest of a kind counts.
create table people_standing (
	person      text not null,
	kind        text not null,
	given_at    integer not null,
	version     text not null,
	recorded_at integer not null,
	recorded_by text not null,
	proof       blob not null,
	primary key (person, kind, given_at)
) strict;
