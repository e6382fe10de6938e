-- The queue of the dead is written for every key that dies, so it looks for
-- nothing: a row that somebody put back and that dies twice is queued twice,
-- which clearing does not mind.
alter table keys_dead drop constraint keys_dead_pkey;
create index keys_dead_record on keys_dead (record);
