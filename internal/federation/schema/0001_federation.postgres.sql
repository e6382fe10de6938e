-- A sign-on under way, by the keyed hash of its state.
create table federation_flow (
	mark     bytea primary key,
	sealed   bytea not null,
	source   bytea not null,
	until_at bigint not null
);

create index federation_flow_source on federation_flow (source, until_at);

-- An account at a provider, by the keyed hash of issuer and subject.
create table federation_link (
	mark       bytea primary key,
	person     text collate "C" not null,
	provider   text collate "C" not null,
	created_at bigint not null,
	proof      bytea not null,
	unique (person, provider)
);

-- A user as a directory describes it. The marks are keyed hashes of the folded
-- user name and of the external id; all else is inside sealed.
create table federation_user (
	id         text collate "C" primary key,
	name_mark  bytea not null unique,
	ext_mark   bytea not null,
	person     text collate "C" not null default '',
	request    text collate "C" not null default '',
	active     bigint not null,
	created_at bigint not null,
	changed_at bigint not null,
	version    bigint not null,
	sealed     bytea not null
);

create index federation_user_ext on federation_user (ext_mark);
create index federation_user_person on federation_user (person);
create index federation_user_state on federation_user (active, changed_at);

-- A group as a directory describes it.
create table federation_group (
	id         text collate "C" primary key,
	name_mark  bytea not null unique,
	created_at bigint not null,
	changed_at bigint not null,
	version    bigint not null,
	sealed     bytea not null
);

create table federation_member (
	in_group text collate "C" not null,
	member   text collate "C" not null,
	primary key (in_group, member)
);

create index federation_member_of on federation_member (member);

-- Who has left, and whether any way in was left: the proof of the 24 hours.
create table federation_leaver (
	person    text collate "C" primary key,
	left_at   bigint not null,
	probed_at bigint not null default 0,
	ways      text collate "C" not null default '',
	proof     bytea not null
);

create index federation_leaver_due on federation_leaver (probed_at, left_at);
