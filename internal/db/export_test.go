package db

import (
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"strongroom"
)

// PgFault shows how an answer of the server is read.
func PgFault(code, message, detail string) *strongroom.Fault {
	return pgFault(&pgconn.PgError{Code: code, Message: message, Detail: detail})
}

// IsRead shows which statements count as reading.
func IsRead(sql string) bool { return isRead(sql) }

// ParseName shows how the name of a migration file is taken apart.
var ParseName = parseName

// Judge shows how settings are judged.
func Judge(facts []Fact, e Engine) []Fact { return judge(facts, wishes(e)) }

// PGDialer is how connections to PostgreSQL are made.
func PGDialer() *net.Dialer { return pgDialer() }

// Unnumbered shows what SQLite is given to prepare.
var Unnumbered = unnumbered
