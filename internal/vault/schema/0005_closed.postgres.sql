-- A store whose grant is gone has the status 3: nothing of it comes in or is shown,
-- and its records die on their dates. closed says since when, 0 if it is open.
alter table vault_store add column closed bigint not null default 0;
