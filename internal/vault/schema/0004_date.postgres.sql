-- An index that says whether a record lives is an index to change when it dies, and
-- PostgreSQL then enters the row anew in all of its indexes. So the one by date knows
-- dead and living alike, and nothing that dying changes stands in an index: a
-- tombstone says in anchor_at until when it stands, and keeps its date. Those made
-- before this stood for 90 days.
drop index vault_record_stone;
drop index vault_record_late;
update vault_record set anchor_at = expires_at, expires_at = expires_at - 7776000000000 where status <> 1;
create index vault_record_date on vault_record (expires_at, id);
-- Room in the page for what dying leaves of all of its rows: a row that stays in its page
-- needs no new entries in any index.
alter table vault_record set (fillfactor = 85);
