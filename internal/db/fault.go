package db

import (
	"context"

	"strongroom"
)

// CodeUnknown is the code of the fault that says: the commit was sent and not
// answered, so it may or may not have happened.
const CodeUnknown = "commit-unknown"

// cause says what an engine answered without repeating what it was asked: the
// engine's code, and its text only where that cannot hold a value.
type cause struct {
	engine Engine
	code   string
	text   string
}

func (c *cause) Error() string {
	s := string(c.engine) + " " + c.code
	if c.text != "" {
		s += " " + c.text
	}
	return s
}

func unavailable(code, what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Unavailable, code, "%s", what)
}

func internal(code, what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Internal, code, "%s", what)
}

func errCorrupt() *strongroom.Fault {
	return unavailable("corrupt", "the database file is damaged").Advise("stop and restore from a backup")
}

func errNoRow() error {
	return strongroom.Faultf(strongroom.NotFound, "not-found", "there is no such row")
}

func errExists() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Conflict, "exists", "a row with the same key exists already")
}

func errClosed() error {
	return unavailable("closed", "the database is closed")
}

func errLeft(ctx context.Context) error {
	return unavailable("cancelled", "the caller left before the work began").Because(ctx.Err())
}

func errOver() error {
	return internal("over", "the transaction is over; its handle must not be kept")
}

func errRowsOpen() error {
	return internal("rows", "the rows of an earlier query are still open; close them first")
}

func errNoMark() error {
	return internal("mark", "there is no mark to go back to")
}

func errPassed() *strongroom.Fault {
	return internal("mark", "a light mark was written over")
}

func errGone() *strongroom.Fault {
	return unavailable("gone", "the database ended the transaction by itself")
}

// errAfter refuses a statement, or the commit, after one that failed.
func errAfter(failed error) error {
	return unavailable("failed", "an earlier statement of this transaction failed").Because(failed)
}

// errBroken refuses everything: the transaction cannot be saved.
func errBroken(why error) error {
	return unavailable("broken", "the transaction is beyond use").Advise("try again").Because(why)
}

func errUnknown(why error) error {
	return unavailable(CodeUnknown, "the database did not answer the commit, which may or may not have happened").
		Advise("look before trying again").Because(why)
}
