-- A case: why records may be opened for a legal duty or a shopper's request. What
-- it rests on is inside sealed, which is bound to all other columns but num.
create table lifecycle_case (
	num          integer primary key,
	id           text not null unique,
	purpose      integer not null,
	store        text not null default '',
	opener       text not null,
	opened_at    integer not null,
	due_at       integer not null,
	extended_at  integer not null default 0,
	extended_for integer not null default 0,
	closed_at    integer not null default 0,
	closed_for   integer not null default 0,
	sealed       blob not null
) strict;
