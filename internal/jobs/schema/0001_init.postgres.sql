-- state: 0 waits, 1 leased, 2 dead, 3 done. args holds ids and integers.
create table jobs_job (
	id          text collate "C" primary key,
	kind        bigint not null,
	state       bigint not null default 0,
	due_at      bigint not null,
	lease_until bigint not null default 0,
	tries       bigint not null default 0,
	turn        bigint not null default 0,
	args        text collate "C" not null default '',
	once        bytea unique,
	code        text collate "C" not null default '',
	created_at  bigint not null
);

create index jobs_job_due on jobs_job (state, due_at);

create table jobs_schedule (
	kind   bigint primary key,
	due_at bigint not null
);
