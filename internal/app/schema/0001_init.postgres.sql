-- The instance that owns this database: its keyring, its environment (1
-- production, 2 test), the folder it runs from and until when it holds on.
create table app_instance (
	id          bigint primary key,
	ring        text collate "C" not null,
	environment bigint not null,
	holder      text collate "C" not null,
	until       bigint not null
);
