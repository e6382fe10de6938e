package db

import (
	"context"
	"os"

	"strongroom"
)

// Fact is a setting of the engine that durability or secrecy depends on.
type Fact struct {
	Name   string
	Value  string
	OK     bool
	Advice string // what to do if it is not OK
}

// wish is a value a setting must have.
type wish struct {
	name   string
	values []string
	advice string
}

// Facts asks the engine for its settings and judges them. It waits for the
// writer, because settings belong to a connection and the writer's count.
func (d *DB) Facts(ctx context.Context) ([]Fact, error) {
	var facts []Fact
	err := d.Update(ctx, func(tx *Tx) (err error) {
		var rows *Rows
		if d.engine == SQLite {
			rows, err = tx.Query(sqlSettingsSQLite)
		} else {
			rows, err = tx.Query(sqlSettingsPostgres)
		}
		if err != nil {
			return err
		}
		for rows.Next() {
			var f Fact
			if err := rows.Scan(&f.Name, &f.Value); err != nil {
				return err
			}
			facts = append(facts, f)
		}
		return rows.Close()
	})
	if err != nil {
		return nil, err
	}
	return judge(facts, wishes(d.engine)), nil
}

// Check reads through the whole SQLite file and reports damage as Unavailable
// with the code "corrupt". It takes a second or so per gigabyte and holds up
// nobody. PostgreSQL checks its own pages; there it does nothing.
func (d *DB) Check(ctx context.Context) error {
	if d.engine == Postgres {
		return nil
	}
	return d.Read(ctx, func(r *Reader) error {
		var first string
		if err := r.QueryRow(sqlCheckSQLite).Scan(&first); err != nil || first == "ok" {
			return err
		}
		return errCorrupt()
	})
}

// Probe proves that a commit gets through by writing one small row. It is what
// tells that a full disk has room again.
func (d *DB) Probe(ctx context.Context) error {
	return d.Update(ctx, func(tx *Tx) error {
		_, err := tx.Exec(sqlProbe, Micros(tx.Now()))
		return err
	})
}

// judge fills in what is right and what to do.
func judge(facts []Fact, wishes []wish) []Fact {
	tcp := false
	for _, f := range facts {
		tcp = tcp || f.Name == "socket" && f.Value == "tcp"
	}
	for i := range facts {
		facts[i].OK = true
		for _, w := range wishes {
			if w.name != facts[i].Name || w.name == "ssl" && !tcp {
				continue
			}
			facts[i].OK = false
			for _, v := range w.values {
				facts[i].OK = facts[i].OK || v == facts[i].Value
			}
			if !facts[i].OK {
				facts[i].Advice = w.advice
			}
		}
	}
	return facts
}

func wishes(e Engine) []wish {
	if e == SQLite {
		return []wish{
			{"journal_mode", []string{"wal"}, "the file system must support shared memory; move the data folder to a local disk"},
			{"synchronous", []string{"2", "3"}, "report this: the product sets it to full"},
			{"secure_delete", []string{"1"}, "report this: the product switches it on"},
			{"trusted_schema", []string{"0"}, "report this: the product switches it off"},
			{"temp_store", []string{"2"}, "report this: the product keeps temporary data in memory"},
		}
	}
	return []wish{
		{"fsync", []string{"on"}, "set fsync = on: without it a crash loses what was acknowledged"},
		{"full_page_writes", []string{"on"}, "set full_page_writes = on: without it a crash can damage pages"},
		{"synchronous_commit", []string{"on", "remote_apply"}, "report this: the product switches it on for its session"},
		{"log_statement", []string{"none", "ddl"}, "set log_statement = none: the server's log should not hold statements"},
		{"log_parameter_max_length_on_error", []string{"0"}, "set log_parameter_max_length_on_error = 0: the server's log should not hold arguments"},
		{"ssl", []string{"on"}, "add sslmode=verify-full to the address"},
	}
}

// Size returns how many bytes the database takes on disk: the file and its
// write-ahead log on SQLite, the database without the server's own log on
// PostgreSQL.
func (d *DB) Size(ctx context.Context) (int64, error) {
	var n int64
	if d.engine == Postgres {
		err := d.Read(ctx, func(r *Reader) error { return r.QueryRow(sqlSizePostgres).Scan(&n) })
		return n, err
	}
	for _, name := range []string{d.path, d.path + "-wal"} {
		st, err := os.Stat(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return 0, strongroom.Faultf(strongroom.Unavailable, "size", "the database file cannot be looked at").Because(err)
		}
		n += st.Size()
	}
	return n, nil
}

// Column is a column of a table, in words that are the same on both engines.
type Column struct {
	Table, Name string
	Type        string // integer, real, text or bytes; else the engine's own word
	NotNull     bool
}

// Columns lists all columns of all tables, ordered by table and name.
func (d *DB) Columns(ctx context.Context) ([]Column, error) {
	var columns []Column
	err := d.Read(ctx, func(r *Reader) (err error) {
		var rows *Rows
		if d.engine == SQLite {
			rows, err = r.Query(sqlColumnsSQLite)
		} else {
			rows, err = r.Query(sqlColumnsPostgres)
		}
		if err != nil {
			return err
		}
		for rows.Next() {
			var c Column
			if err := rows.Scan(&c.Table, &c.Name, &c.Type, &c.NotNull); err != nil {
				return err
			}
			c.Type = commonType(c.Type)
			columns = append(columns, c)
		}
		return rows.Close()
	})
	return columns, err
}

func commonType(t string) string {
	switch t {
	case "INTEGER", "INT", "integer", "bigint", "smallint":
		return "integer"
	case "REAL", "double precision", "real":
		return "real"
	case "TEXT", "text", "character varying":
		return "text"
	case "BLOB", "bytea":
		return "bytes"
	}
	return t
}
