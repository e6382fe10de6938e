-- A file about a shopper. body is sealed under a key that lies beside the record, and
-- bound to all other columns.
create table document_file (
	id     text not null primary key,
	store  text not null,
	record text not null,
	kind   integer not null,
	size   integer not null,
	at     integer not null,
	route  text not null,
	author text not null,
	body   blob not null
) strict;

create index document_file_store on document_file (store, id);
create index document_file_record on document_file (record);

-- A link by which one person opens a file once. digest is of its secret; sealed says for
-- whom and for what, bound to all other columns.
create table document_link (
	digest   blob not null primary key,
	document text not null,
	until    integer not null,
	sealed   blob not null
) strict;

create index document_link_document on document_link (document);
