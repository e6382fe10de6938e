-- A person. Name, address and the rest are inside sealed, bound to this row.
create table people_person (
	id         text collate "C" primary key,
	sealed     bytea not null,
	state      text collate "C" not null,
	created_at bigint not null,
	starts_at  bigint not null default 0,
	ends_at    bigint not null default 0,
	ended_at   bigint not null default 0,
	revoked_at bigint not null default 0,
	erased_at  bigint not null default 0
);

create index people_person_due on people_person (state, ends_at);
create index people_person_gone on people_person (erased_at, revoked_at);

-- The data key of a person, wrapped. Without it nothing about the person opens.
create table people_key (
	person  text collate "C" primary key,
	wrapped bytea not null
);

-- The keyed hash of the folded address: one address, one living account.
create table people_mail (
	digest bytea primary key,
	person text collate "C" not null
);

create index people_mail_person on people_mail (person);

-- One-time links into an enrolment, by the hash of their text.
create table people_link (
	digest     bytea primary key,
	person     text collate "C" not null,
	expires_at bigint not null,
	proof      bytea not null
);

create index people_link_person on people_link (person);

-- Enrolments under way: what a link was exchanged for.
create table people_enrolment (
	digest     bytea primary key,
	id         text collate "C" not null,
	person     text collate "C" not null,
	expires_at bigint not null,
	proof      bytea not null
);

create index people_enrolment_person on people_enrolment (person);

-- The password of a person and those before it.
create table people_password (
	id          text collate "C" primary key,
	person      text collate "C" not null,
	sealed      bytea not null,
	set_at      bigint not null,
	current     bigint not null,
	must_change bigint not null default 0
);

create index people_password_person on people_password (person, set_at);
create index people_password_age on people_password (current, set_at);

-- What else a person shows: authenticator apps, passkeys, recovery codes.
create table people_factor (
	id         text collate "C" primary key,
	person     text collate "C" not null,
	kind       text collate "C" not null,
	lookup     bytea not null unique,
	sealed     bytea not null,
	created_at bigint not null,
	used_at    bigint not null default 0,
	step       bigint not null default 0,
	pending    bigint not null default 0
);

create index people_factor_person on people_factor (person);

-- The making of a passkey under way, one for each person.
create table people_ceremony (
	person     text collate "C" primary key,
	sealed     bytea not null,
	expires_at bigint not null
);

-- Trainings and pledges. The newest of a kind counts.
create table people_standing (
	person      text collate "C" not null,
	kind        text collate "C" not null,
	given_at    bigint not null,
	version     text collate "C" not null,
	recorded_at bigint not null,
	recorded_by text collate "C" not null,
	proof       bytea not null,
	primary key (person, kind, given_at)
);
