package app

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

//go:embed schema
var schemaFS embed.FS

// instanceName is the file that holds the folder's own id. A copy of the keys
// and the configuration elsewhere has another.
const instanceName = "instance"

// A database has one owner. Which keyring and environment it belongs to never
// changes; which folder holds it is a lease in real time, so that a second
// server with a copy of the keyring is kept away while the first one lives.
const (
	leaseLength = 30 * time.Second
	leaseRenew  = 10 * time.Second
)

const (
	sqlInstance    = `select ring, environment, holder, until from app_instance where id = 1`
	sqlInstanceAdd = `insert into app_instance (id, ring, environment, holder, until) values (1, $1, $2, $3, $4)`
	sqlInstanceSet = `update app_instance set holder = $1, until = $2 where id = 1`
	// Only who holds the lease renews it: one that has run out may be another's.
	sqlInstanceKeep = `update app_instance set until = $2 where id = 1 and holder = $1`
)

// belongs refuses a database of another keyring or environment, and one that
// another server holds, before anything is written to its log.
func (a *App) belongs(ctx context.Context) error {
	holder, err := instanceID(a.o.Dir)
	if err != nil {
		return err
	}
	return a.db.Read(ctx, func(r *db.Reader) error {
		o, err := a.owner(r)
		if err == nil && o.ring != "" {
			err = o.keepsOut(holder)
		}
		return err
	})
}

// keepsOut returns why holder may not have the database now.
func (o owner) keepsOut(holder string) error {
	if o.holder == holder || o.until <= time.Now().UnixMicro() {
		return nil
	}
	return strongroom.Faultf(strongroom.Conflict, "instance", "another server with a copy of this keyring holds the database").
		Advise("stop it; %s after its last sign of life the database is free", leaseLength)
}

// owner reads who holds the database; nobody yet is no error.
func (a *App) owner(r *db.Reader) (o owner, err error) {
	var env int64
	err = r.QueryRow(sqlInstance).Scan(&o.ring, &env, &o.holder, &o.until)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return owner{}, nil
	}
	if err == nil && (o.ring != a.ring.ID() || env != environmentNumber(a.conf.Environment)) {
		err = strongroom.Faultf(strongroom.Conflict, "instance", "the database belongs to another keyring or environment").
			Advise("name the database of this instance, or make a new one for it")
	}
	return o, err
}

type owner struct {
	ring, holder string
	until        int64 // real time in microseconds
}

// claim makes this instance the owner of the database, or says who is.
func (a *App) claim(ctx context.Context) error {
	holder, err := instanceID(a.o.Dir)
	if err != nil {
		return err
	}
	err = a.guard.Quiet(ctx, guard.Lease, func(_ context.Context, tx *guard.Tx) error {
		o, err := a.owner(&tx.Reader)
		if err != nil {
			return err
		}
		if o.ring == "" {
			_, err = tx.Exec(sqlInstanceAdd, a.ring.ID(), environmentNumber(a.conf.Environment), holder, leaseUntil())
			return err
		}
		if err := o.keepsOut(holder); err != nil {
			return err
		}
		_, err = tx.Exec(sqlInstanceSet, holder, leaseUntil())
		return err
	})
	if err == nil {
		a.holder = holder
	}
	return err
}

// release lets go of the database, so that another folder need not wait.
func (a *App) release(ctx context.Context) error {
	if a.holder == "" {
		return nil
	}
	return a.keep(ctx, 0)
}

// keep moves the end of the lease. It is a fault of kind Conflict if the lease is
// another's by now: this process was away for longer than a lease lasts.
func (a *App) keep(ctx context.Context, until int64) error {
	var n int64
	err := a.guard.Quiet(ctx, guard.Lease, func(_ context.Context, tx *guard.Tx) (err error) {
		n, err = tx.Exec(sqlInstanceKeep, a.holder, until)
		return err
	})
	if err != nil || n > 0 {
		return err
	}
	a.losing.Do(func() { close(a.lost) })
	return strongroom.Faultf(strongroom.Conflict, "lease", "another server has taken the database over")
}

// hold renews the lease until ctx ends. What cannot be renewed shows in readyz.
// Once the lease is another's nothing more is written, and the instance ends: two
// owners would each make keys that the other does not have.
func (a *App) hold(ctx context.Context) error {
	tick := time.NewTicker(leaseRenew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.lost:
		case <-tick.C:
		}
		err := a.keep(ctx, leaseUntil())
		if strongroom.IsKind(err, strongroom.Conflict) {
			return errors.Join(err, a.guard.Close())
		}
		if err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "the lease on the database could not be renewed", "kind", strongroom.KindOf(err).String())
		}
	}
}

// leaseUntil is in real time: leases do not follow the data clock.
func leaseUntil() int64 { return time.Now().Add(leaseLength).UnixMicro() }

func environmentNumber(e strongroom.Environment) int64 {
	if e == strongroom.Production {
		return 1
	}
	return 2
}

// instanceID names the data folder dir: by an id in it, made at first use, and
// by its place on its disk. A copy of the folder has the id and not the place.
func instanceID(dir string) (string, error) {
	path := filepath.Join(dir, instanceName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(strongroom.NewID("ins") + "\n")
		err = writeFileSync(path, text, 0o600)
	}
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", err
	}
	id := fmt.Sprintf("%s.%x.%x", strings.TrimSpace(string(text)), uint64(st.Dev), st.Ino)
	return id, strongroom.CheckName("instance", id)
}

// Ready returns nil while the instance can decide and record, else why not. A
// small durable write proves it, at most once a second whoever asks.
func (a *App) Ready(ctx context.Context) error {
	a.readiness.mu.Lock()
	defer a.readiness.mu.Unlock()
	if time.Since(a.readiness.at) > time.Second {
		a.readiness.err, a.readiness.at = a.probe(ctx), time.Now()
	}
	return a.readiness.err
}

func (a *App) probe(ctx context.Context) error {
	if err := a.audit.Ready(); err != nil {
		return err
	}
	if b := a.audit.Behind(); b > 5*time.Minute {
		return strongroom.Faultf(strongroom.Unavailable, "clock-behind", "the clock is behind the newest event of the log").
			Advise("set the host's time")
	}
	// The lease is a write like any other: decided by nothing, durable.
	err := a.keep(context.WithoutCancel(ctx), leaseUntil())
	if strongroom.IsKind(err, strongroom.Conflict) {
		return strongroom.Faultf(strongroom.Unavailable, "lease", "another server has taken the database over")
	}
	if err != nil {
		return err
	}
	if err := a.life.Status().SweepErr; err != nil {
		return strongroom.Faultf(strongroom.Unavailable, "background", "the last sweep did not finish and is tried again").Because(err)
	}
	return nil
}

// ownSchema are the tables of this package.
func ownSchema() db.Schema { return db.Schema{Package: "app", FS: schemaFS} }
