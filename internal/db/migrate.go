package db

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"strongroom"
)

// Schema is the tables of one package: files named
// schema/NNNN_name.sqlite.sql and schema/NNNN_name.postgres.sql, numbered from
// 0001 without gaps, each number for both engines.
type Schema struct {
	Package string
	FS      fs.FS
}

// Applied is a migration that Migrate has carried out.
type Applied struct {
	Package string
	Number  int
	Name    string
	Hash    string // SHA-256 of the file, in hexadecimal
	At      time.Time
}

// migration is one file of a schema, for one engine.
type migration struct {
	Applied
	sql string
}

// Migrate brings the database to the newest schema: the files that were not
// applied yet, in the order of schemas and of their numbers, each in one
// transaction. schemas is the complete list of the product.
//
// It changes nothing, with a fault of kind Conflict, when the database was
// written by a newer release (code "downgrade") or when a file that was applied
// has changed since (code "migration-changed").
func (d *DB) Migrate(ctx context.Context, schemas []Schema) ([]Applied, error) {
	plan, err := d.plan(schemas)
	if err != nil {
		return nil, err
	}
	if err := d.ownTables(ctx); err != nil {
		return nil, err
	}
	err = d.Read(ctx, func(r *Reader) error {
		have, err := appliedBefore(r)
		if err != nil {
			return err
		}
		return compare(plan, have)
	})
	if err != nil {
		return nil, err
	}
	var applied []Applied
	for _, m := range plan {
		did, err := d.apply(ctx, m)
		if err != nil {
			return applied, err
		}
		if did != nil {
			applied = append(applied, *did)
		}
	}
	return applied, nil
}

// apply runs one file, unless another process has done so meanwhile.
func (d *DB) apply(ctx context.Context, m migration) (*Applied, error) {
	var did *Applied
	err := d.Update(ctx, func(tx *Tx) error {
		did = nil
		if d.engine == Postgres {
			if _, err := tx.Exec(sqlMigrationLockPostgres); err != nil {
				return err
			}
		}
		have, err := appliedBefore(&tx.Reader)
		if err != nil {
			return err
		}
		if _, ok := have[key{m.Package, m.Number}]; ok {
			return nil
		}
		if err := tx.s.script(m.sql); err != nil {
			return strongroom.Faultf(strongroom.KindOf(err), "migration", "migration %s %04d failed", m.Package, m.Number).Because(err)
		}
		a := m.Applied
		a.At = tx.Now()
		did = &a
		_, err = tx.Exec(sqlMigrationInsert, a.Package, a.Number, a.Name, a.Hash, Micros(a.At))
		return err
	})
	return did, err
}

// script runs a migration file inside the transaction.
func (s *session) script(sql string) error {
	if err := s.settle(); err != nil {
		return err
	}
	s.sent, s.clean = true, false
	if err := s.link.script(sql); err != nil {
		return s.fail(err, false)
	}
	return nil
}

// ownTables makes the tables of this package. PostgreSQL can fail in several
// ways when two servers create one table at once, "if not exists" or not: a lock
// keeps them apart.
func (d *DB) ownTables(ctx context.Context) error {
	statements := []text{sqlMigrationTableSQLite, sqlProbeTableSQLite}
	if d.engine == Postgres {
		statements = []text{sqlTablesLockPostgres, sqlMigrationTablePostgres, sqlProbeTablePostgres}
	}
	return d.Update(ctx, func(tx *Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
}

type key struct {
	pkg    string
	number int
}

// appliedBefore reads the record of migrations.
func appliedBefore(r *Reader) (map[key]Applied, error) {
	rows, err := r.Query(sqlMigrations)
	if err != nil {
		return nil, err
	}
	have := make(map[key]Applied)
	for rows.Next() {
		var a Applied
		if err := rows.Scan(&a.Package, &a.Number, &a.Name, &a.Hash); err != nil {
			return nil, err
		}
		have[key{a.Package, a.Number}] = a
	}
	return have, rows.Close()
}

// compare refuses a database that is newer than plan or was made by other files.
func compare(plan []migration, have map[key]Applied) error {
	known := make(map[key]bool, len(plan))
	for _, m := range plan {
		k := key{m.Package, m.Number}
		known[k] = true
		if a, ok := have[k]; ok && a.Hash != m.Hash {
			return strongroom.Faultf(strongroom.Conflict, "migration-changed",
				"migration %s %04d is not the one this database was made with", m.Package, m.Number).
				Advise("run the release that made the database, or a later one")
		}
	}
	newest := slices.SortedFunc(func(yield func(Applied) bool) {
		for _, a := range have {
			if !yield(a) {
				return
			}
		}
	}, func(a, b Applied) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(b.Number, a.Number))
	})
	for _, a := range newest {
		if !known[key{a.Package, a.Number}] {
			return strongroom.Faultf(strongroom.Conflict, "downgrade",
				"the database holds migration %s %04d of a newer release", a.Package, a.Number).
				Advise("run that release; to go back, restore a backup made before the upgrade")
		}
	}
	return nil
}

// plan reads the files of this engine and checks their names.
func (d *DB) plan(schemas []Schema) ([]migration, error) {
	var plan []migration
	for _, s := range schemas {
		ours, err := readSchema(s, d.engine)
		if err != nil {
			return nil, err
		}
		plan = append(plan, ours...)
	}
	return plan, nil
}

func readSchema(s Schema, engine Engine) ([]migration, error) {
	names, err := fs.Glob(s.FS, "schema/*.sql")
	if err != nil || len(names) == 0 {
		return nil, errSchema(s.Package, "has no files schema/NNNN_name.engine.sql")
	}
	other := make(map[string]int) // number and name → engines seen
	var ours []migration
	for _, name := range names {
		number, title, on, ok := parseName(name)
		if !ok {
			return nil, errSchema(s.Package, "has a file that is not named NNNN_name.engine.sql")
		}
		other[strconv.Itoa(number)+title]++
		if on != engine {
			continue
		}
		text, err := fs.ReadFile(s.FS, name)
		if err != nil {
			return nil, errSchema(s.Package, "has a file that cannot be read")
		}
		sum := sha256.Sum256(text)
		ours = append(ours, migration{
			Applied: Applied{Package: s.Package, Number: number, Name: title, Hash: hex.EncodeToString(sum[:])},
			sql:     string(text),
		})
	}
	for _, engines := range other {
		if engines != 2 {
			return nil, errSchema(s.Package, "has a migration for one engine only")
		}
	}
	slices.SortFunc(ours, func(a, b migration) int { return cmp.Compare(a.Number, b.Number) })
	for i, m := range ours {
		if m.Number != i+1 {
			return nil, errSchema(s.Package, "has a gap in its numbers, or a number twice")
		}
	}
	return ours, nil
}

// parseName takes apart schema/0001_init.sqlite.sql.
func parseName(path string) (number int, title string, engine Engine, ok bool) {
	base := strings.TrimPrefix(path, "schema/")
	parts := strings.Split(base, ".")
	if len(parts) != 3 || parts[2] != "sql" {
		return 0, "", "", false
	}
	digits, title, found := strings.Cut(parts[0], "_")
	number, err := strconv.Atoi(digits)
	engine = Engine(parts[1])
	ok = found && err == nil && len(digits) == 4 && number > 0 && title != "" && (engine == SQLite || engine == Postgres)
	return number, title, engine, ok
}

func errSchema(pkg, what string) error {
	return strongroom.Faultf(strongroom.Internal, "schema", "the schema of %s %s", pkg, what)
}
