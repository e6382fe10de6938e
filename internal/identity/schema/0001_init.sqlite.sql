-- A service account. What it may do is inside sealed, bound to id.
create table identity_key (
	id         text primary key,
	sealed     blob not null,
	created_at integer not null,
	expires_at integer not null,
	revoked_at integer not null default 0
) strict;

-- When an account was last seen; apart, because no decision reads it.
create table identity_use (
	account text primary key,
	used_at integer not null
) strict;

-- The secrets of an account: one, or two while a rotation overlaps.
create table identity_secret (
	digest     blob primary key,
	id         text not null,
	account    text not null,
	expires_at integer not null default 0,
	proof      blob not null
) strict;

create index identity_secret_account on identity_secret (account);

-- Receipts of calls that name themselves, for a day.
create table identity_receipt (
	name       blob primary key,
	request    blob not null,
	status     integer not null default 0,
	resource   text not null default '',
	expires_at integer not null
) strict;

create index identity_receipt_expires on identity_receipt (expires_at);
