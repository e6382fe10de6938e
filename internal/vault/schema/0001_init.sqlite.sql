-- A store: one shop whose owner granted access. Every store counts as holding
-- personal data from the moment it exists; the check leaves no other mode.
create table vault_store (
	num          integer primary key,
	id           text    not null unique,
	tag          blob    not null unique check (length(tag) = 5),
	platform     integer not null,
	tainted      integer not null check (tainted = 1),
	status       integer not null,
	kinds        integer not null,
	fields       integer not null,
	connected    integer not null,
	disconnected integer not null,
	card         blob    not null
) strict;

-- A record. The origin columns have no null and no zero: a row without an origin
-- cannot be written. The wide parts stand last, so that reading the outline
-- never walks over them. A dead record keeps its row, emptied, as tombstone.
create table vault_record (
	id         integer primary key,
	store      integer not null check (store > 0),
	kind       integer not null check (kind between 1 and 4),
	status     integer not null check (status between 1 and 3),
	version    integer not null check (version > 0),
	provider   integer not null check (provider between 1 and 2),
	platform   integer not null check (platform >= 0),
	api        integer not null check (api between 1 and 3),
	how        integer not null check (how between 1 and 6),
	fetched_at integer not null check (fetched_at > 0),
	anchor     integer not null,
	anchor_at  integer not null,
	expires_at integer not null,
	period     integer not null,
	leaf_count integer not null,
	leaf_next  integer not null,
	classes    integer not null,
	ident      blob    not null check (length(ident) = 16),
	facts      blob    not null,
	entries    blob,
	body       blob,
	leaves     blob,
	check (status <> 1 or (entries is not null and body is not null and leaves is not null))
) strict;
create unique index vault_record_ident on vault_record (ident);
create index vault_record_list on vault_record (store, kind, id);
-- Tombstones by the date they run out.
create index vault_record_stone on vault_record (expires_at) where status <> 1;

-- The blind index: keyed hashes, equal values equal hashes within one store,
-- kind and month.
create table vault_index (
	hash   blob    not null check (length(hash) = 16),
	record integer not null,
	primary key (hash, record)
) strict, without rowid;

-- Identifiers of erased shoppers, so that their customer object stays away.
create table vault_tombstone (
	hash  blob    not null primary key check (length(hash) = 16),
	store integer not null,
	why   integer not null,
	at    integer not null,
	until integer not null
) strict, without rowid;
create index vault_tombstone_until on vault_tombstone (until);

-- What one principal revealed for one purpose at one store in this hour and day.
create table vault_budget (
	who          text    not null,
	purpose      integer not null,
	store        integer not null,
	hour         integer not null,
	hour_records integer not null,
	hour_fields  integer not null,
	day          integer not null,
	day_records  integer not null,
	day_fields   integer not null,
	primary key (who, purpose, store)
) strict, without rowid;

-- References named at reveals: the keyed hash the log shows, and the original
-- sealed with the record it was named for.
create table vault_reference (
	record integer not null,
	hash   blob    not null,
	at     integer not null,
	sealed blob    not null,
	primary key (record, hash)
) strict, without rowid;

-- Keys no field map knows, and what a person decided about them.
create table vault_field (
	hash     blob    not null primary key check (length(hash) = 16),
	id       text    not null unique,
	store    integer not null,
	decision integer not null,
	count    integer not null,
	first_at integer not null,
	last_at  integer not null,
	sealed   blob    not null
) strict, without rowid;
create index vault_field_store on vault_field (store, id);
