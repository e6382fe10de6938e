// Package db is the engine under the product: SQLite in one file, or PostgreSQL
// 15 and later, behind the same few verbs and the same SQL text. It is the only
// package that imports a database driver.
//
// What holds on both engines:
//
//   - A statement is a constant. [Reader.Query] and its siblings take a type that
//     is not exported, to which only constants convert; SQL built at run time
//     does not compile.
//   - There is one writer. [DB.Update] runs one transaction at a time: BEGIN
//     IMMEDIATE on SQLite, READ COMMITTED on PostgreSQL, where several processes
//     order themselves by the row their first statement locks.
//   - A commit is answered only when it is on disk.
//   - A caller's context is looked at before the work and never passed to SQL. A
//     cancelled statement rolls back a whole SQLite transaction and ends a
//     PostgreSQL connection, and both would hit others that share the commit.
//   - After a statement failed nothing more is sent until the transaction and the
//     mark are proved to stand: by a refused second BEGIN on SQLite, by the
//     transaction status on PostgreSQL. [Tx.RollbackToMark] then leads back; if
//     the proof fails, the transaction is refused as a whole.
//   - Errors are faults that name codes, tables and constraints, never a value.
//   - Connections are opened when they are needed. When the disk has room again
//     or the server is back, the next call succeeds; no restart is needed.
//
// # Round trips
//
// On PostgreSQL a statement costs a round trip, so those that answer nothing
// travel with the next one: BEGIN with the first statement, the release of the
// last savepoint and the new one with the first write after [Tx.Mark], what
// [Writer.Queue] left waiting with whatever follows, COMMIT included. A member
// of a group that writes nothing costs no savepoint at all.
//
// # Schemas
//
// Each package brings its tables as numbered files, one per engine, see
// [Schema]. [DB.Migrate] applies them forward only, records their SHA-256, and
// refuses a database of a newer release or one made with other files.
package db
