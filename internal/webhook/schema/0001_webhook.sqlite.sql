-- A subscription at EcartAPI: what it is about and a keyed hash of the secret that
-- comes with each delivery. state: 0 asked for, 1 made, 2 retired, 3 refused.
create table webhook_hook (
	id         text primary key,
	store      text not null,
	resource   text not null,
	action     text not null,
	state      integer not null,
	proof      blob not null,
	sealed     blob not null,
	code       text not null default '',
	created_at integer not null,
	seen_at    integer not null default 0
) strict;

create index webhook_hook_store on webhook_hook (store);

-- A delivery that came in. The body is sealed, and gone once it is worked through.
-- state: 0 waits, 1 done, 2 kept because nobody knows what it is, 3 given up.
create table webhook_delivery (
	id     text primary key,
	hook   text not null,
	store  text not null,
	digest blob not null,
	state  integer not null,
	code   text not null default '',
	at     integer not null,
	body   blob
) strict;

create index webhook_delivery_digest on webhook_delivery (digest, at);
create index webhook_delivery_state on webhook_delivery (state, store, id);
create index webhook_delivery_at on webhook_delivery (at);

-- Where deliveries go: address and signing secrets, sealed. kind: 1 events, 2 rates.
-- proof is a keyed hash of what a request for rates must show, empty for events.
create table webhook_endpoint (
	id         text primary key,
	store      text not null,
	kind       integer not null,
	proof      blob not null,
	sealed     blob not null,
	created_at integer not null,
	changed_at integer not null
) strict;

create index webhook_endpoint_store on webhook_endpoint (store, kind);

-- A message under way to an endpoint, tokenised and sealed. It is gone once it has
-- arrived. state: 0 waits, 2 given up.
create table webhook_forward (
	id       text primary key,
	endpoint text not null,
	delivery text not null,
	store    text not null,
	state    integer not null,
	tries    integer not null default 0,
	code     text not null default '',
	at       integer not null,
	body     blob not null
) strict;

create index webhook_forward_state on webhook_forward (state, store, id);
create index webhook_forward_at on webhook_forward (at);
