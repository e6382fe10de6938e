-- A subscription at EcartAPI: what it is about and a keyed hash of the secret that
-- comes with each delivery. state: 0 asked for, 1 made, 2 retired, 3 refused.
create table webhook_hook (
	id         text collate "C" primary key,
	store      text collate "C" not null,
	resource   text collate "C" not null,
	action     text collate "C" not null,
	state      bigint not null,
	proof      bytea not null,
	sealed     bytea not null,
	code       text collate "C" not null default '',
	created_at bigint not null,
	seen_at    bigint not null default 0
);

create index webhook_hook_store on webhook_hook (store);

-- A delivery that came in. The body is sealed, and gone once it is worked through.
-- state: 0 waits, 1 done, 2 kept because nobody knows what it is, 3 given up.
create table webhook_delivery (
	id     text collate "C" primary key,
	hook   text collate "C" not null,
	store  text collate "C" not null,
	digest bytea not null,
	state  bigint not null,
	code   text collate "C" not null default '',
	at     bigint not null,
	body   bytea
);

create index webhook_delivery_digest on webhook_delivery (digest, at);
create index webhook_delivery_state on webhook_delivery (state, store, id);
create index webhook_delivery_at on webhook_delivery (at);

-- Where deliveries go: address and signing secrets, sealed. kind: 1 events, 2 rates.
-- proof is a keyed hash of what a request for rates must show, empty for events.
create table webhook_endpoint (
	id         text collate "C" primary key,
	store      text collate "C" not null,
	kind       bigint not null,
	proof      bytea not null,
	sealed     bytea not null,
	created_at bigint not null,
	changed_at bigint not null
);

create index webhook_endpoint_store on webhook_endpoint (store, kind);

-- A message under way to an endpoint, tokenised and sealed. It is gone once it has
-- arrived. state: 0 waits, 2 given up.
create table webhook_forward (
	id       text collate "C" primary key,
	endpoint text collate "C" not null,
	delivery text collate "C" not null,
	store    text collate "C" not null,
	state    bigint not null,
	tries    bigint not null default 0,
	code     text collate "C" not null default '',
	at       bigint not null,
	body     bytea not null
);

create index webhook_forward_state on webhook_forward (state, store, id);
create index webhook_forward_at on webhook_forward (at);
