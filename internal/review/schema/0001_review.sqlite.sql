-- A review of who has access: what was there when it was opened, as a digest. The
-- row is bound by what is sealed.
create table review_campaign (
	id        text primary key,
	kind      integer not null,
	opened_at integer not null,
	opener    text not null,
	entries   integer not null,
	digest    blob not null,
	closed_at integer not null default 0,
	closer    text not null default '',
	sealed    blob not null
) strict;

create index review_campaign_kind on review_campaign (kind, closed_at);

-- One account or right of a campaign, and what was decided about it.
create table review_entry (
	campaign    text not null,
	number      integer not null,
	verdict     integer not null default 0,
	decider     text not null default '',
	decided_at  integer not null default 0,
	executed_at integer not null default 0,
	verified_at integer not null default 0,
	sealed      blob not null,
	primary key (campaign, number)
) strict;

-- The approved set of accounts and rights, one for persons and one for services.
create table review_baseline (
	kind    integer primary key,
	version integer not null,
	made_at integer not null,
	maker   text not null,
	digest  blob not null,
	sealed  blob not null
) strict;

-- The samples of a month: drawn once, from the log up to the month's end.
create table review_month (
	month    text primary key,
	drawn_at integer not null,
	size     integer not null,
	root     blob not null,
	reveals  integer not null,
	sealed   blob not null
) strict;

create table review_sample (
	month     text not null,
	position  integer not null,
	actor     text not null,
	verdict   integer not null default 0,
	judge     text not null default '',
	judged_at integer not null default 0,
	sealed    blob not null,
	primary key (month, position)
) strict;

-- A way to information outside the product. mark is a keyed hash of system and
-- account, system one of the system; the names are inside sealed.
create table review_outside (
	id       text primary key,
	mark     blob not null unique,
	system   blob not null,
	bound    text not null default '',
	seen_at  integer not null,
	ended_at integer not null default 0,
	sealed   blob not null
) strict;

create index review_outside_system on review_outside (system, ended_at);
create index review_outside_bound on review_outside (bound);

-- What an identity provider asks of passwords and second factors, as last read.
create table review_provider (
	mark    blob primary key,
	read_at integer not null,
	sealed  blob not null
) strict;

-- When the product itself last suspended an account: it is left alone for a while
-- after somebody let it go on.
create table review_act (
	account text primary key,
	at      integer not null,
	sealed  blob not null
) strict;
