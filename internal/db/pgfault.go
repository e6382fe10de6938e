package db

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"strongroom"
)

func errRolledBack() error {
	return unavailable("rolled-back", "the database rolled the transaction back instead of committing it").Advise("try again")
}

// pgDialFault explains why no connection came about. The driver's text holds the
// host, user and database, and no password.
func pgDialFault(err error) *strongroom.Fault {
	f := unavailable("gone", "the database cannot be reached")
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && strings.HasPrefix(e.Code, "28"):
		f = f.Advise("check user, password file and pg_hba.conf")
	case ok && e.Code == "3D000":
		f = f.Advise("create the database first")
	default:
		f = f.Advise("check that PostgreSQL runs and that address and network are right; no restart is needed")
	}
	return f.Because(err)
}

func (l *pgLink) fault(err error) *strongroom.Fault {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgFault(e)
	}
	_, network := errors.AsType[net.Error](err)
	if l.lost() || network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) {
		return unavailable("gone", "the connection to the database was lost").
			Advise("check that PostgreSQL runs; no restart is needed").Because(&cause{engine: Postgres, code: "connection"})
	}
	// What remains is the driver refusing an argument. Its text repeats the value.
	return internal("postgres", "the driver refused an argument or a result").
		Advise("compare the types of arguments and columns").Because(&cause{engine: Postgres, code: "driver"})
}

// pgFault reads the answer of the server. Of its texts only those about the
// statement itself (class 42) are kept: statements are constants, while other
// texts and every detail can hold values.
func pgFault(e *pgconn.PgError) *strongroom.Fault {
	why := &cause{engine: Postgres, code: e.Code, text: e.ConstraintName}
	if strings.HasPrefix(e.Code, "42") {
		why.text = e.Message
	}
	switch e.Code {
	case "23505":
		return errExists().Because(why)
	case "53100":
		return unavailable("full", "the disk of the database is full").Advise("make room; no restart is needed").Because(why)
	case "25006":
		return unavailable("read-only", "the database only reads").Advise("point the product at the primary server").Because(why)
	case "42501":
		return unavailable("permission", "the database user may not do this").Advise("make the user owner of the schema").Because(why)
	case "22021", "22P05":
		return strongroom.Faultf(strongroom.Invalid, "text", "an argument is not UTF-8 text without NUL").Because(why)
	case "54000":
		return strongroom.Faultf(strongroom.TooLarge, "too-big", "a value is larger than the database stores").Because(why)
	case "40001", "40P01", "55P03", "57014":
		return unavailable("busy", "another transaction stood in the way").Advise("try again").Because(why)
	case "25P02", "25P03":
		return unavailable("failed", "the database ended the transaction").Advise("try again").Because(why)
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "57":
		return unavailable("gone", "the database is stopping or starting").Advise("no restart is needed").Because(why)
	case "53":
		return unavailable("busy", "the database is out of memory or connections").Advise("raise its limits or try again").Because(why)
	case "58", "XX":
		return unavailable("io", "the database could not read or write its files").Advise("look at the server's log").Because(why)
	}
	return internal("postgres", "the database refused a statement").Because(why)
}
