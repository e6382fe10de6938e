-- A sender of signals: an application at a platform with what it and we share. All of
-- it lies inside sealed, which is bound to id, platform and set_at.
create table erasure_sender (
	id       text not null primary key,
	platform integer not null,
	set_at   integer not null,
	used_at  integer not null default 0,
	sealed   blob not null
) strict;

-- Which shop is which store: a keyed hash of what a platform calls the shop. sealed is
-- the same to be read by people, bound to all other columns.
create table erasure_shop (
	hash   blob not null,
	store  text not null,
	at     integer not null,
	sealed blob not null,
	primary key (hash, store)
) strict;
