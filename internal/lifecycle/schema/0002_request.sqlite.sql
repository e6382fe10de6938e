-- A request to erase or to be told: a notice of EcartAPI, a webhook of a platform, a
-- person's word. Whom it is about lies inside sealed, which is bound to all other
-- columns but num, and goes when the request is done. mark is a keyed hash of what the
-- sender said, so that a repetition is known.
create table lifecycle_request (
	num         integer primary key,
	id          text not null unique,
	kind        integer not null,
	scope       integer not null,
	source      integer not null,
	wait        integer not null,
	store       text not null default '',
	mark        blob not null,
	received_at integer not null,
	issued_at   integer not null,
	delete_by   integer not null,
	gone_by     integer not null,
	erase_at    integer not null,
	erased_at   integer not null default 0,
	closed_at   integer not null default 0,
	closed_for  integer not null default 0,
	answer      text not null default '',
	records     integer not null default 0,
	sealed      blob not null
) strict;
create index lifecycle_request_mark on lifecycle_request (mark);
create index lifecycle_request_open on lifecycle_request (num) where closed_at = 0;
