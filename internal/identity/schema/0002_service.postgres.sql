-- The person who answers for a service, to find what a leaver owned. What counts
-- stands inside sealed and must say the same.
alter table identity_key add column owner text collate "C" not null default '';

create index identity_key_owner on identity_key (owner, revoked_at);
