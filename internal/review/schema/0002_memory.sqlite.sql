-- What was read of the log, so that the next start goes on from there: it can be
-- made anew from the log at any time.
create table review_memory (
	id     integer primary key,
	sealed blob not null
) strict;

-- The first of two approvals of a baseline, where the approved one is damaged or gone.
create table review_first (
	kind   integer primary key,
	person text not null,
	at     integer not null,
	digest blob not null,
	sealed blob not null
) strict;
