-- A sender of signals: an application at a platform with what it and we share. All of
-- it lies inside sealed, which is bound to id, platform and set_at.
create table erasure_sender (
	id       text collate "C" not null primary key,
	platform bigint not null,
	set_at   bigint not null,
	used_at  bigint not null default 0,
	sealed   bytea not null
);

-- Which shop is which store: a keyed hash of what a platform calls the shop. sealed is
-- the same to be read by people, bound to all other columns.
create table erasure_shop (
	hash   bytea not null,
	store  text collate "C" not null,
	at     bigint not null,
	sealed bytea not null,
	primary key (hash, store)
);
