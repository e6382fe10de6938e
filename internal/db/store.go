package db

// The statements of this package. SQLite and PostgreSQL differ in how a
// transaction starts and in what they tell about themselves, nowhere else.
const (
	sqlPing = `select 1`

	sqlBegin          = `begin`
	sqlBeginImmediate = `begin immediate`
	sqlBeginWrite     = `begin isolation level read committed read write`
	sqlBeginRead      = `begin isolation level repeatable read read only`
	sqlCommit         = `commit`
	sqlRollback       = `rollback`
	sqlSavepoint      = `savepoint mark`
	sqlRelease        = `release savepoint mark`
	sqlRollbackTo     = `rollback to savepoint mark`
)

// The tables of this package: the record of migrations, and one row to write to
// see whether writing works. They are the same on both engines but for the names
// of types.
const (
	sqlMigrationTableSQLite = `
create table if not exists db_migration (
	package text    not null,
	number  integer not null,
	name    text    not null,
	hash    text    not null,
	applied integer not null,
	primary key (package, number)
) strict`

	sqlMigrationTablePostgres = `
create table if not exists db_migration (
	package text   collate "C" not null,
	number  bigint not null,
	name    text   collate "C" not null,
	hash    text   collate "C" not null,
	applied bigint not null,
	primary key (package, number)
)`

	sqlProbeTableSQLite = `
create table if not exists db_probe (
	id integer primary key,
	at integer not null
) strict`

	// The tables of this package are made under a lock of no table, since there may be
	// none yet; the number is the first eight bytes of "strongroom tables".
	sqlTablesLockPostgres = `select pg_advisory_xact_lock(8319400234579358319)`

	sqlProbeTablePostgres = `
create table if not exists db_probe (
	id bigint primary key,
	at bigint not null
)`

	// Two servers that start at once must not apply the same file twice; on
	// SQLite the write lock does this.
	sqlMigrationLockPostgres = `lock table db_migration in share row exclusive mode`

	sqlMigrations = `select package, number, name, hash from db_migration order by package, number`

	sqlMigrationInsert = `insert into db_migration (package, number, name, hash, applied) values ($1, $2, $3, $4, $5)`
)

const sqlProbe = `insert into db_probe (id, at) values (1, $1) on conflict (id) do update set at = excluded.at`

// What the engines tell about themselves.
const (
	sqlColumnsSQLite = `
select t.name, c.name, c.type, case when c."notnull" = 1 or c.pk > 0 then 1 else 0 end
from sqlite_schema t, pragma_table_info(t.name) c
where t.type = 'table' and t.name not like 'sqlite\_%' escape '\'
order by t.name, c.name`

	sqlColumnsPostgres = `
select table_name::text, column_name::text, data_type::text, case when is_nullable = 'NO' then 1 else 0 end
from information_schema.columns
where table_schema = current_schema()
order by table_name::text collate "C", column_name::text collate "C"`

	sqlSizePostgres = `select pg_database_size(current_database())`

	sqlSettingsPostgres = `
select name, setting from pg_settings
where name in ('server_version', 'fsync', 'full_page_writes', 'synchronous_commit', 'wal_level', 'data_checksums', 'log_statement', 'log_parameter_max_length_on_error')
union all
select 'ssl', case when ssl then 'on' else 'off' end from pg_stat_ssl where pid = pg_backend_pid()
union all
select 'socket', case when inet_client_addr() is null then 'unix' else 'tcp' end`

	sqlSettingsSQLite = `
select 'sqlite_version', sqlite_version()
union all select 'journal_mode', journal_mode from pragma_journal_mode
union all select 'synchronous', cast(synchronous as text) from pragma_synchronous
union all select 'secure_delete', cast(secure_delete as text) from pragma_secure_delete
union all select 'trusted_schema', cast(trusted_schema as text) from pragma_trusted_schema
union all select 'temp_store', cast(temp_store as text) from pragma_temp_store
union all select 'foreign_keys', cast(foreign_keys as text) from pragma_foreign_keys
union all select 'page_size', cast(page_size as text) from pragma_page_size`

	sqlCheckSQLite = `select quick_check from pragma_quick_check limit 1`
)
