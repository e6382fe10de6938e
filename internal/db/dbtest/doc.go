// Package dbtest gives tests real databases: a throw-away SQLite file, or a
// throw-away database in a PostgreSQL cluster that is started for the purpose
// and stopped with the process, however that ends.
//
// The variable STRONGROOM_TEST_ENGINE chooses the engine of [New]: sqlite, which
// is the default, or postgres. STRONGROOM_TEST_PG_URL names a running cluster to
// share; command pgcluster starts one for a whole test run. Without it each test
// process starts its own from the installed binaries. Nothing is ever skipped:
// where PostgreSQL is missing the test fails and says what to install.
//
// It also proves what a compiler does for other languages: [Statements] collects
// every SQL constant of a source tree, [PrepareAll] has an engine understand
// each, and [Parity] compares the tables of both engines.
package dbtest
