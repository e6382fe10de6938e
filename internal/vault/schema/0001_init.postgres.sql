-- A store: one shop whose owner granted access. Every store counts as holding
-- personal data from the moment it exists; the check leaves no other mode.
create table vault_store (
	num          integer primary key,
	id           text collate "C" not null unique,
	tag          bytea    not null unique check (length(tag) = 5),
	platform     smallint not null,
	tainted      smallint not null check (tainted = 1),
	status       smallint not null,
	kinds        integer not null,
	fields       integer not null,
	connected    bigint not null,
	disconnected bigint not null,
	card         bytea    not null
);

-- A record. The origin columns have no null and no zero: a row without an origin
-- cannot be written. The wide parts stand last, so that reading the outline
-- never walks over them. A dead record keeps its row, emptied, as tombstone.
create table vault_record (
	id         bigint primary key,
	store      integer not null check (store > 0),
	kind       smallint not null check (kind between 1 and 4),
	status     smallint not null check (status between 1 and 3),
	version    integer not null check (version > 0),
	provider   smallint not null check (provider between 1 and 2),
	platform   smallint not null check (platform >= 0),
	api        smallint not null check (api between 1 and 3),
	how        smallint not null check (how between 1 and 6),
	fetched_at bigint not null check (fetched_at > 0),
	anchor     smallint not null,
	anchor_at  bigint not null,
	expires_at bigint not null,
	period     integer not null,
	leaf_count integer not null,
	leaf_next  integer not null,
	classes    bigint not null,
	ident      bytea    not null check (length(ident) = 16),
	facts      bytea    not null,
	entries    bytea,
	body       bytea,
	leaves     bytea,
	check (status <> 1 or (entries is not null and body is not null and leaves is not null))
);
create unique index vault_record_ident on vault_record (ident);
create index vault_record_list on vault_record (store, kind, id);
-- Tombstones by the date they run out.
create index vault_record_stone on vault_record (expires_at) where status <> 1;

-- The blind index: keyed hashes, equal values equal hashes within one store,
-- kind and month.
create table vault_index (
	hash   bytea    not null check (length(hash) = 16),
	record bigint not null,
	primary key (hash, record)
);

-- Identifiers of erased shoppers, so that their customer object stays away.
create table vault_tombstone (
	hash  bytea    not null primary key check (length(hash) = 16),
	store integer not null,
	why   smallint not null,
	at    bigint not null,
	until bigint not null
);
create index vault_tombstone_until on vault_tombstone (until);

-- What one principal revealed for one purpose at one store in this hour and day.
create table vault_budget (
	who          text collate "C" not null,
	purpose      smallint not null,
	store        integer not null,
	hour         integer not null,
	hour_records bigint not null,
	hour_fields  bigint not null,
	day          integer not null,
	day_records  bigint not null,
	day_fields   bigint not null,
	primary key (who, purpose, store)
);

-- References named at reveals: the keyed hash the log shows, and the original
-- sealed with the record it was named for.
create table vault_reference (
	record bigint not null,
	hash   bytea    not null,
	at     bigint not null,
	sealed bytea    not null,
	primary key (record, hash)
);

-- Keys no field map knows, and what a person decided about them.
create table vault_field (
	hash     bytea    not null primary key check (length(hash) = 16),
	id       text collate "C" not null unique,
	store    integer not null,
	decision smallint not null,
	count    bigint not null,
	first_at bigint not null,
	last_at  bigint not null,
	sealed   bytea    not null
);
create index vault_field_store on vault_field (store, id);
