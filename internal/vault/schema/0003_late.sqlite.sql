-- Live records by their date, so that the sweep looks at it here as well as at the
-- date of the key.
create index vault_record_late on vault_record (expires_at) where status = 1;
