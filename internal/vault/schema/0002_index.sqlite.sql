-- The index of records is PostgreSQL's alone; see its schema.
select 1;
