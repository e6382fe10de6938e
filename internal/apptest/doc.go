// Package apptest runs a whole instance in a test: a data folder, a key folder
// and a root key in a temporary place, the engine of this run
// (STRONGROOM_TEST_ENGINE), the HTTP API over real loopback TCP and the Unix
// socket, a clock that can be moved, and every log line kept.
//
// [Start] makes and serves an instance, [Instance.Call] speaks to it, and
// [Instance.Bytes] returns every byte it left behind: files of both folders,
// write-ahead logs, operational log, metrics, refusals, and for PostgreSQL a dump
// and the raw files of the database. [Scanner] looks for values in those bytes in
// every form a careless program would leave them in.
//
// The tests of this package are the promises of the product as an outsider would
// check them: nothing readable at rest, exact originals for a purpose, nothing
// after the date, no side doors, no loss under kill -9.
package apptest
