-- An application at EcartAPI. Its own id there, the account's client id and the text
-- of the grant are inside sealed.
create table connect_app (
	id      text collate "C" not null primary key,
	at      bigint not null,
	by_whom text collate "C" not null,
	sealed  bytea not null
);

-- The grant of the owner of a shop, one row for each time that access was given.
-- shop is the keyed hash of the shop that EcartAPI named, empty if it named none.
-- how: 1 redirect, 2 shop id, 3 pasted, 4 authorized. ended_at is 0 while it stands.
-- person and secrets are sealed under keys of the store.
create table connect_grant (
	id       text collate "C" not null primary key,
	store    text collate "C" not null,
	app      text collate "C" not null,
	shop     bytea not null,
	how      bigint not null check (how between 1 and 4),
	at       bigint not null,
	by_whom  text collate "C" not null,
	shown    bigint not null,
	digest   bytea not null,
	scope    text collate "C" not null,
	ended_at bigint not null,
	cause    bigint not null,
	person   bytea not null,
	secrets  bytea not null,
	proof    bytea not null
);
create index connect_grant_store on connect_grant (store, at);
create index connect_grant_shop on connect_grant (shop, at);

-- Tokens that came by a redirect or were pasted, as keyed hashes: no callback counts
-- twice.
create table connect_token (
	mark  bytea primary key,
	store text collate "C" not null,
	at    bigint not null
);
create index connect_token_store on connect_token (store);
