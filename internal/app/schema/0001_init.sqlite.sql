-- The instance that owns this database: its keyring, its environment (1
-- production, 2 test), the folder it runs from and until when it holds on.
create table app_instance (
	id          integer primary key,
	ring        text    not null,
	environment integer not null,
	holder      text    not null,
	until       integer not null
) strict;
