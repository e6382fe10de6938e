package guard_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/guard"
)

// The actions of these tests, among those the policies know.
func ingest() strongroom.Action {
	return strongroom.Action{Name: "record.ingest", Class: 6005, Activity: 1}
}
func reveal() strongroom.Action {
	return strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 2}
}

const (
	insertRow  = "insert into probe_row (id, body) values ($1, $2)"
	allRows    = "select id from probe_row order by id"
	killMyself = "select pg_terminate_backend(pg_backend_pid())"
)

func probeSchema() db.Schema {
	const sqlite = "create table probe_row (id integer primary key, body text not null) strict;"
	const postgres = "create table probe_row (id bigint primary key, body text not null);"
	return db.Schema{Package: "probe", FS: fstest.MapFS{
		"schema/0001_init.sqlite.sql":   {Data: []byte(sqlite)},
		"schema/0001_init.postgres.sql": {Data: []byte(postgres)},
	}}
}

// fixture is a guard over a real database and a real log.
type fixture struct {
	*guard.Guard
	db    *db.DB
	log   *audit.Log
	who   strongroom.Actor
	store string
	words *lockedBuffer // the operational log
	stop  context.CancelFunc
	ended chan error // what Run returned
}

func open(t testing.TB, d *db.DB, o guard.Options, files ...authz.File) *fixture {
	t.Helper()
	log := openLog(t, d)
	engine, err := authz.New(files, authz.Options{Environment: strongroom.Production})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{db: d, log: log, store: strongroom.NewID("str"), words: &lockedBuffer{}}
	f.who = strongroom.Actor{
		Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.Application},
		Stores: []string{f.store}, Door: "http",
	}
	if _, measured := t.(*testing.B); !measured && o.Span == 0 {
		o.Span = time.Minute // a slow machine must not split the groups the tests make
	}
	o.DB, o.Log, o.Logger = d, log, slog.New(slog.NewTextHandler(f.words, nil))
	if o.Policy == nil {
		o.Policy = func() *authz.Engine { return engine }
	}
	f.Guard = guard.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	f.ended = make(chan error, 1)
	go func() { f.ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-f.ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Run does not end")
		}
	})
	return f
}

func fresh(t testing.TB, o guard.Options, files ...authz.File) *fixture {
	t.Helper()
	return open(t, dbtest.New(t, audit.Schema(), probeSchema()), o, files...)
}

// record is a resource of the fixture's store.
func (f *fixture) record(id string) strongroom.Resource {
	return strongroom.Resource{Type: "Record", ID: id, Store: f.store}
}

// add is the plain case: decide, then write row n.
func (f *fixture) add(id string, n int64) func(context.Context, *guard.Tx) error {
	return func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(ingest(), f.record(id), guard.Context{}); err != nil {
			return err
		}
		_, err := tx.Exec(insertRow, n, "body")
		return err
	}
}

// rows returns the ids of the rows there are.
func (f *fixture) rows(t testing.TB) map[int64]bool {
	t.Helper()
	out := map[int64]bool{}
	err := f.db.Read(context.Background(), func(r *db.Reader) error {
		rows, err := r.Query(allRows)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			out[id] = true
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eventsOf returns the events about the resource id, oldest first.
func (f *fixture) eventsOf(t testing.TB, id string) []audit.Event {
	t.Helper()
	var out []audit.Event
	for _, e := range f.events(t) {
		if e.Resource.ID == id {
			out = append(out, e)
		}
	}
	return out
}

// together has the calls wait until all of them are there, so that they share
// one transaction, and returns their answers. Their order is kept.
func (f *fixture) together(t testing.TB, calls ...func() error) []error {
	t.Helper()
	entered, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := f.Quiet(context.Background(), guard.Tally, func(context.Context, *guard.Tx) error {
			close(entered)
			<-release
			return nil
		})
		if err != nil {
			t.Errorf("the call that holds the others up: %v", err)
		}
	})
	<-entered
	errs := make([]error, len(calls))
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
		late := time.Now().Add(10 * time.Second)
		for f.Stats().Waiting+int(f.Stats().Busy) <= i {
			if time.Now().After(late) {
				t.Fatal("a call does not join the queue")
			}
			runtime.Gosched()
		}
	}
	close(release)
	wg.Wait()
	return errs
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
