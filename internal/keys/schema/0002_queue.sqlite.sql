-- The queue of the dead is written for every key that dies, so its statements
-- name no conflict: a row that somebody put back and that dies twice stays
-- queued as it is.
create table keys_dead_new (
	record integer primary key on conflict ignore,
	reason integer not null,
	at     integer not null
) strict;
insert into keys_dead_new (record, reason, at) select record, reason, at from keys_dead;
drop table keys_dead;
alter table keys_dead_new rename to keys_dead;
