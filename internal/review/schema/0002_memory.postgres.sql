-- What was read of the log, so that the next start goes on from there: it can be
-- made anew from the log at any time.
create table review_memory (
	id     bigint primary key,
	sealed bytea not null
);

-- The first of two approvals of a baseline, where the approved one is damaged or gone.
create table review_first (
	kind   bigint primary key,
	person text collate "C" not null,
	at     bigint not null,
	digest bytea not null,
	sealed bytea not null
);
