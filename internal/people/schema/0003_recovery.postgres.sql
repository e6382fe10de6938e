-- An only owner who lost all factors is being led back in. proof binds the row.
create table people_recovery (
	person   text collate "C" primary key,
	asked_at bigint not null,
	proof    bytea not null
);
