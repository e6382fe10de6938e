-- A file about a shopper. body is sealed under a key that lies beside the record, and
-- bound to all other columns.
create table document_file (
	id     text collate "C" not null primary key,
	store  text collate "C" not null,
	record text collate "C" not null,
	kind   bigint not null,
	size   bigint not null,
	at     bigint not null,
	route  text collate "C" not null,
	author text collate "C" not null,
	body   bytea not null
);

create index document_file_store on document_file (store, id);
create index document_file_record on document_file (record);

-- A link by which one person opens a file once. digest is of its secret; sealed says for
-- whom and for what, bound to all other columns.
create table document_link (
	digest   bytea not null primary key,
	document text collate "C" not null,
	until    bigint not null,
	sealed   bytea not null
);

create index document_link_document on document_link (document);
