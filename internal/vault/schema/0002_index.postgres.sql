-- What a dead record has in the blind index lies together in the table, because
-- it came in together. Finding it by its record costs a quarter of looking each
-- hash up, and little when a record comes in: record ids rise, so this index
-- grows at its right edge. On SQLite the rows lie in the order of the hashes.
create index vault_index_record on vault_index (record);
