-- state: 0 waits, 1 leased, 2 dead, 3 done. args holds ids and integers.
create table jobs_job (
	id          text primary key,
	kind        integer not null,
	state       integer not null default 0,
	due_at      integer not null,
	lease_until integer not null default 0,
	tries       integer not null default 0,
	turn        integer not null default 0,
	args        text not null default '',
	once        blob unique,
	code        text not null default '',
	created_at  integer not null
) strict;

create index jobs_job_due on jobs_job (state, due_at);

create table jobs_schedule (
	kind   integer primary key,
	due_at integer not null
) strict;
