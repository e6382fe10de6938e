-- An only owner who lost all factors is being led back in. proof binds the row.
create table people_recovery (
	person   text primary key,
	asked_at integer not null,
	proof    blob not null
) strict;
