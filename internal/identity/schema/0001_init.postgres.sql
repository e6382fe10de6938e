-- A service account. What it may do is inside sealed, bound to id.
create table identity_key (
	id         text collate "C" primary key,
	sealed     bytea not null,
	created_at bigint not null,
	expires_at bigint not null,
	revoked_at bigint not null default 0
);

-- When an account was last seen; apart, because no decision reads it.
create table identity_use (
	account text collate "C" primary key,
	used_at bigint not null
);

-- The secrets of an account: one, or two while a rotation overlaps.
create table identity_secret (
	digest     bytea primary key,
	id         text collate "C" not null,
	account    text collate "C" not null,
	expires_at bigint not null default 0,
	proof      bytea not null
);

create index identity_secret_account on identity_secret (account);

-- Receipts of calls that name themselves, for a day.
create table identity_receipt (
	name       bytea primary key,
	request    bytea not null,
	status     bigint not null default 0,
	resource   text collate "C" not null default '',
	expires_at bigint not null
);

create index identity_receipt_expires on identity_receipt (expires_at);
