-- A key that does not open is put aside by the roll, so that it holds back no old
-- epoch key. The mark decides nothing else: a roll that can open such a row takes
-- it back. The index holds those rows alone.
alter table keys_data add column aside integer not null default 0;
create index keys_data_aside on keys_data (record) where aside <> 0;
