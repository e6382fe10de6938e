-- A sign-in begins without a row; those under way begin anew.
drop table session_challenge;

-- A sign-in in which something was shown, by the keyed hash of its name. Who and what
-- was shown is inside sealed, bound to step. One that was used up stays until it would
-- be over.
create table session_challenge (
	mark     blob primary key,
	sealed   blob not null,
	step     integer not null,
	tries    integer not null default 0,
	until_at integer not null
) strict;

create index session_challenge_until on session_challenge (until_at);

-- Failures in a row, by the keyed hash of what they are counted for. person is
-- the account, or empty for a source; proof binds the row but for touched, which is
-- work done for nobody. Counts from before were not bound and are forgotten.
drop table session_attempt;

create table session_attempt (
	mark     blob primary key,
	person   text not null,
	failures integer not null,
	until_at integer not null,
	last_at  integer not null,
	proof    blob not null,
	touched  integer not null default 0
) strict;

create index session_attempt_person on session_attempt (person);
create index session_attempt_last on session_attempt (last_at);

-- proof binds the row. A lock from before counts as complete.
alter table session_lock add column proof blob not null default x'';
