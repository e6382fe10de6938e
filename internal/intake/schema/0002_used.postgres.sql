-- When a credential was used last, whoever used it; 0 if never. It is written some
-- time after, and no decision reads it.
alter table intake_connection add column used bigint not null default 0;
