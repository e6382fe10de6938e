-- An application at EcartAPI. Its own id there, the account's client id and the text
-- of the grant are inside sealed.
create table connect_app (
	id      text not null primary key,
	at      integer not null,
	by_whom text not null,
	sealed  blob not null
) strict;

-- The grant of the owner of a shop, one row for each time that access was given.
-- shop is the keyed hash of the shop that EcartAPI named, empty if it named none.
-- how: 1 redirect, 2 shop id, 3 pasted, 4 authorized. ended_at is 0 while it stands.
-- person and secrets are sealed under keys of the store.
create table connect_grant (
	id       text not null primary key,
	store    text not null,
	app      text not null,
	shop     blob not null,
	how      integer not null check (how between 1 and 4),
	at       integer not null,
	by_whom  text not null,
	shown    integer not null,
	digest   blob not null,
	scope    text not null,
	ended_at integer not null,
	cause    integer not null,
	person   blob not null,
	secrets  blob not null,
	proof    blob not null
) strict;
create index connect_grant_store on connect_grant (store, at);
create index connect_grant_shop on connect_grant (shop, at);

-- Tokens that came by a redirect or were pasted, as keyed hashes: no callback counts
-- twice.
create table connect_token (
	mark  blob primary key,
	store text not null,
	at    integer not null
) strict;
create index connect_token_store on connect_token (store);
