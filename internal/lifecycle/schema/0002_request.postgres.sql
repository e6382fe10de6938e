-- A request to erase or to be told: a notice of EcartAPI, a webhook of a platform, a
-- person's word. Whom it is about lies inside sealed, which is bound to all other
-- columns but num, and goes when the request is done. mark is a keyed hash of what the
-- sender said, so that a repetition is known.
create table lifecycle_request (
	num         bigint primary key,
	id          text collate "C" not null unique,
	kind        bigint not null,
	scope       bigint not null,
	source      bigint not null,
	wait        bigint not null,
	store       text collate "C" not null default '',
	mark        bytea not null,
	received_at bigint not null,
	issued_at   bigint not null,
	delete_by   bigint not null,
	gone_by     bigint not null,
	erase_at    bigint not null,
	erased_at   bigint not null default 0,
	closed_at   bigint not null default 0,
	closed_for  bigint not null default 0,
	answer      text collate "C" not null default '',
	records     bigint not null default 0,
	sealed      bytea not null
);
create index lifecycle_request_mark on lifecycle_request (mark);
create index lifecycle_request_open on lifecycle_request (num) where closed_at = 0;
