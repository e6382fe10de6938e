-- A device. Label and owner are inside sealed, bound to this row.
create table device_device (
	id          text primary key,
	owner       text not null,
	proof       text not null default '',
	key_digest  blob unique,
	sealed      blob not null,
	enrolled_at integer not null,
	proved_at   integer not null default 0,
	expires_at  integer not null,
	revoked_at  integer not null default 0
) strict;

create index device_device_owner on device_device (owner);

-- One-time codes by which a device brings its key.
create table device_code (
	digest     blob primary key,
	device     text not null,
	expires_at integer not null
) strict;

create index device_code_device on device_code (device);

-- Signed proofs that were used, until they are too old to be used again.
create table device_nonce (
	digest     blob primary key,
	expires_at integer not null
) strict;

create index device_nonce_expires on device_nonce (expires_at);
