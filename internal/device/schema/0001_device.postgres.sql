-- A device. Label and owner are inside sealed, bound to this row.
create table device_device (
	id          text collate "C" primary key,
	owner       text collate "C" not null,
	proof       text collate "C" not null default '',
	key_digest  bytea unique,
	sealed      bytea not null,
	enrolled_at bigint not null,
	proved_at   bigint not null default 0,
	expires_at  bigint not null,
	revoked_at  bigint not null default 0
);

create index device_device_owner on device_device (owner);

-- One-time codes by which a device brings its key.
create table device_code (
	digest     bytea primary key,
	device     text collate "C" not null,
	expires_at bigint not null
);

create index device_code_device on device_code (device);

-- Signed proofs that were used, until they are too old to be used again.
create table device_nonce (
	digest     bytea primary key,
	expires_at bigint not null
);

create index device_nonce_expires on device_nonce (expires_at);
