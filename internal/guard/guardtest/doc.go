// Package guardtest is what the tests of a package above the guard stand on: a
// database of this run's engine, a log, a guard that runs until the test ends, and
// all that was written, to look for what must not be there.
//
// It is for tests alone. Nothing of it is safe for concurrent use but what the
// real things are.
package guardtest
