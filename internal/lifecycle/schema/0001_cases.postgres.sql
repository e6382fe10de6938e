-- A case: why records may be opened for a legal duty or a shopper's request. What
-- it rests on is inside sealed, which is bound to all other columns but num.
create table lifecycle_case (
	num          bigint primary key,
	id           text collate "C" not null unique,
	purpose      bigint not null,
	store        text collate "C" not null default '',
	opener       text collate "C" not null,
	opened_at    bigint not null,
	due_at       bigint not null,
	extended_at  bigint not null default 0,
	extended_for bigint not null default 0,
	closed_at    bigint not null default 0,
	closed_for   bigint not null default 0,
	sealed       bytea not null
);
