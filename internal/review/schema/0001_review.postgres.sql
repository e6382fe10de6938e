-- A review of who has access: what was there when it was opened, as a digest. The
-- row is bound by what is sealed.
create table review_campaign (
	id        text collate "C" primary key,
	kind      bigint not null,
	opened_at bigint not null,
	opener    text collate "C" not null,
	entries   bigint not null,
	digest    bytea not null,
	closed_at bigint not null default 0,
	closer    text collate "C" not null default '',
	sealed    bytea not null
);

create index review_campaign_kind on review_campaign (kind, closed_at);

-- One account or right of a campaign, and what was decided about it.
create table review_entry (
	campaign    text collate "C" not null,
	number      bigint not null,
	verdict     bigint not null default 0,
	decider     text collate "C" not null default '',
	decided_at  bigint not null default 0,
	executed_at bigint not null default 0,
	verified_at bigint not null default 0,
	sealed      bytea not null,
	primary key (campaign, number)
);

-- The approved set of accounts and rights, one for persons and one for services.
create table review_baseline (
	kind    bigint primary key,
	version bigint not null,
	made_at bigint not null,
	maker   text collate "C" not null,
	digest  bytea not null,
	sealed  bytea not null
);

-- The samples of a month: drawn once, from the log up to the month's end.
create table review_month (
	month    text collate "C" primary key,
	drawn_at bigint not null,
	size     bigint not null,
	root     bytea not null,
	reveals  bigint not null,
	sealed   bytea not null
);

create table review_sample (
	month     text collate "C" not null,
	position  bigint not null,
	actor     text collate "C" not null,
	verdict   bigint not null default 0,
	judge     text collate "C" not null default '',
	judged_at bigint not null default 0,
	sealed    bytea not null,
	primary key (month, position)
);

-- A way to information outside the product. mark is a keyed hash of system and
-- account, system one of the system; the names are inside sealed.
create table review_outside (
	id       text collate "C" primary key,
	mark     bytea not null unique,
	system   bytea not null,
	bound    text collate "C" not null default '',
	seen_at  bigint not null,
	ended_at bigint not null default 0,
	sealed   bytea not null
);

create index review_outside_system on review_outside (system, ended_at);
create index review_outside_bound on review_outside (bound);

-- What an identity provider asks of passwords and second factors, as last read.
create table review_provider (
	mark    bytea primary key,
	read_at bigint not null,
	sealed  bytea not null
);

-- When the product itself last suspended an account: it is left alone for a while
-- after somebody let it go on.
create table review_act (
	account text collate "C" primary key,
	at      bigint not null,
	sealed  bytea not null
);
