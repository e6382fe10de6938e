-- A sign-on under way, by the keyed hash of its state.
create table federation_flow (
	mark     blob primary key,
	sealed   blob not null,
	source   blob not null,
	until_at integer not null
) strict;

create index federation_flow_source on federation_flow (source, until_at);

-- An account at a provider, by the keyed hash of issuer and subject.
create table federation_link (
	mark       blob primary key,
	person     text not null,
	provider   text not null,
	created_at integer not null,
	proof      blob not null,
	unique (person, provider)
) strict;

-- A user as a directory describes it. The marks are keyed hashes of the folded
-- user name and of the external id; all else is inside sealed.
create table federation_user (
	id         text primary key,
	name_mark  blob not null unique,
	ext_mark   blob not null,
	person     text not null default '',
	request    text not null default '',
	active     integer not null,
	created_at integer not null,
	changed_at integer not null,
	version    integer not null,
	sealed     blob not null
) strict;

create index federation_user_ext on federation_user (ext_mark);
create index federation_user_person on federation_user (person);
create index federation_user_state on federation_user (active, changed_at);

-- A group as a directory describes it.
create table federation_group (
	id         text primary key,
	name_mark  blob not null unique,
	created_at integer not null,
	changed_at integer not null,
	version    integer not null,
	sealed     blob not null
) strict;

create table federation_member (
	in_group text not null,
	member   text not null,
	primary key (in_group, member)
) strict;

create index federation_member_of on federation_member (member);

-- Who has left, and whether any way in was left: the proof of the 24 hours.
create table federation_leaver (
	person    text primary key,
	left_at   integer not null,
	probed_at integer not null default 0,
	ways      text not null default '',
	proof     blob not null
) strict;

create index federation_leaver_due on federation_leaver (probed_at, left_at);
