package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"strongroom"
	"strongroom/internal/db"
)

// State is what a check came to.
type State string

// The states of a finding. Unknown is never counted as good.
const (
	OK      State = "ok"
	Warn    State = "warn"
	Fail    State = "fail"
	Unknown State = "unknown"
)

// Finding is the result of one check of [Doctor]. Advice says what to do when
// State is not OK.
type Finding struct {
	Check  string `json:"check"`
	State  State  `json:"state"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

// Doctor checks the instance in o.Dir and returns a finding for each check. A
// served instance is asked over its socket for what only it can see; that is one
// event an hour in its log. It changes nothing else.
func Doctor(ctx context.Context, o Options) ([]Finding, error) {
	var f []Finding
	add := func(check string, err error, found, advice string) {
		x := Finding{Check: check, State: OK, Found: found}
		if err != nil {
			x.State, x.Found, x.Advice = Fail, err.Error(), advice
		}
		f = append(f, x)
	}
	c, err := o.config()
	add("configuration", err, string(c.Environment)+", "+engineName(c), "mend the file and run: strongroom config check --data "+o.Dir)
	if err != nil {
		return f, nil
	}
	add("data folder", CheckFolder(o.Dir), o.Dir, "chmod 700 "+o.Dir)
	add("key folder", CheckFolder(c.Keys), c.Keys, "chmod 700 "+c.Keys)
	f = append(f, looseFiles(o.Dir, c)...)
	f = append(f, keyPlace(o.Dir, c), diskSpace(o.Dir), tlsState(o.Dir, c))
	f = append(f, c.examineHops(), c.examineTraining())
	f = append(f, c.SignOn.examineProviders(ctx)...)
	a, err := Open(ctx, o)
	if errors.Is(err, ErrLocked) {
		return append(f, served(ctx, o.Dir, c)...), nil
	}
	add("start", err, "opens: keys, engine, log continuity", "see docs/operations.md")
	if err != nil {
		return f, nil
	}
	f = append(f, a.examine(ctx)...)
	return f, a.Close()
}

// looseFiles looks at the files that others could read or put their own in the
// place of, although the folder around them is closed.
func looseFiles(dir string, c Config) []Finding {
	var f []Finding
	for _, path := range []string{filepath.Join(dir, ConfigName), filepath.Join(dir, databaseName)} {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			f = append(f, Finding{"file", Fail, fmt.Sprintf("%s is open to other users (mode %04o)", path, info.Mode().Perm()), "chmod 600 " + path})
		}
	}
	if c.Root.File != "" {
		switch info, err := os.Stat(filepath.Dir(c.Root.File)); {
		case err != nil: // the start says so
		case info.Mode().Perm()&0o022 != 0:
			f = append(f, Finding{"root key", Fail, "others may put a key in the place of the root key", "chmod 700 " + filepath.Dir(c.Root.File)})
		case info.Mode().Perm()&0o077 != 0:
			f = append(f, Finding{"root key", Warn, fmt.Sprintf("the folder of the root key is open to other users (mode %04o)", info.Mode().Perm()), "chmod 700 " + filepath.Dir(c.Root.File)})
		}
	}
	return f
}

func engineName(c Config) string {
	if c.Database == "" {
		return string(db.SQLite)
	}
	return string(db.Postgres)
}

// keyPlace says whether a copy of the data folder would carry keys along.
func keyPlace(dir string, c Config) Finding {
	if c.AcceptKeysInside {
		return Finding{"key place", Warn, "keys were accepted inside the data folder or beside the root key", "move them apart, set keys and root, drop accept_keys_inside"}
	}
	return Finding{Check: "key place", State: OK, Found: "keys, root key and data are apart"}
}

// diskSpace warns before a full disk stops the work.
func diskSpace(dir string) Finding {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Finding{"disk", Unknown, "free space cannot be read", "look with: df " + dir}
	}
	free := st.Bavail * uint64(st.Bsize)
	x := Finding{Check: "disk", State: OK, Found: fmt.Sprintf("%d MiB free", free>>20)}
	if free < 1<<30 {
		x.State, x.Advice = Warn, "free some space: a full disk stops all work"
	}
	return x
}

const damagedAdvice = "somebody changed the database: open an incident; failures in the log (code tampered) name the records; see docs/operations.md, damaged rows"

// examine checks what only an open instance shows.
func (a *App) examine(ctx context.Context) []Finding {
	f := append(a.examineClock(), a.examineShown()...)
	f = append(f, a.examineEngine(ctx)...)
	n, err := a.audit.Check(ctx)
	f = append(f, finding("log", err, fmt.Sprintf("%d events hash to the signed tree", n), "do not delete anything; see docs/operations.md, a damaged log"))
	f = append(f, a.examinePeople(ctx)...)
	s, err := a.snapshot(ctx)
	f = append(f, finding("records", err, oldest(s), "see docs/operations.md"))
	if err == nil {
		f = append(f, a.examineDates(s)...)
		f = append(f, a.examineJobs(ctx), a.examineLetters(ctx), a.examineRequests(ctx), a.examineCredentials(ctx), a.examineRows(ctx))
	}
	return f
}

// maxLook is how many records doctor opens.
const maxLook = 5000

// examineRows opens records and counts those that do not open.
func (a *App) examineRows(ctx context.Context) Finding {
	if aside, err := a.keys.Aside(ctx); err == nil && len(aside) > 0 {
		return Finding{"rows", Fail, fmt.Sprintf("the keys of %d records do not open and were put aside, the first: %s", len(aside), strongroom.RecordID(aside[0])), damagedAdvice}
	}
	looked, damaged, err := a.vault.CheckRows(ctx, maxLook)
	if err == nil && damaged > 0 {
		return Finding{"rows", Fail, fmt.Sprintf("%d of %d records do not open", damaged, looked), damagedAdvice}
	}
	return finding("rows", err, fmt.Sprintf("%d records looked at, all open", looked), "see docs/operations.md")
}

func oldest(s snapshot) string {
	if s.gauges.OldestPII.IsZero() {
		return "none"
	}
	return "oldest that opens came in " + s.gauges.OldestPII.Format(time.DateOnly)
}

func (a *App) examineClock() []Finding {
	x := Finding{Check: "clock", State: OK, Found: a.clock.Now().Format(time.RFC3339)}
	if a.clock.Offset() != 0 {
		x.State, x.Advice = Warn, "this test instance's clock was moved by "+a.clock.Offset().Round(time.Second).String()
	}
	if b := a.audit.Behind(); b > 5*time.Minute {
		x.State, x.Advice = Fail, "the clock is behind the newest event: set the host's time; reveals refuse until then"
	}
	return []Finding{x}
}

func (a *App) examineEngine(ctx context.Context) []Finding {
	facts, err := a.db.Facts(ctx)
	if err != nil {
		return []Finding{finding("engine", err, "", "see docs/operations.md")}
	}
	var f []Finding
	for _, fact := range facts {
		x := Finding{Check: "engine: " + fact.Name, State: OK, Found: fact.Value}
		if !fact.OK {
			x.State, x.Advice = Fail, fact.Advice
		}
		f = append(f, x)
	}
	return f
}

func (a *App) examineDates(s snapshot) []Finding {
	x := Finding{Check: "erasures", State: OK, Found: "none overdue"}
	if s.gauges.Overdue > 0 {
		x.State, x.Found, x.Advice = Warn, fmt.Sprintf("%d records are past their date", s.gauges.Overdue), "strongroom sweep --data "+a.o.Dir
	}
	age := max(0, s.now.Sub(a.keys.EpochStarted())) // a test clock may have gone back
	y := Finding{Check: "epoch", State: OK, Found: "age " + age.Round(time.Minute).String()}
	if age > 2*a.conf.EpochLength {
		y.State, y.Advice = Warn, "strongroom epoch roll --data "+a.o.Dir
	}
	if a.keys.RollWaits() {
		y.State, y.Advice = Warn, "an epoch roll was begun and not finished; it goes on when the instance serves"
	}
	return []Finding{x, y}
}

// examineJobs looks for work that was given up.
func (a *App) examineJobs(ctx context.Context) Finding {
	dead, err := a.jobs.DeadLetters(ctx, a.local(), 100)
	if err != nil {
		return finding("jobs", err, "", "see docs/operations.md")
	}
	if len(dead) == 0 {
		return Finding{Check: "jobs", State: OK, Found: "none was given up"}
	}
	return Finding{"jobs", Warn, fmt.Sprintf("%d were given up, the first: %s (%s)", len(dead), dead[0].Name, dead[0].Code), "mend the cause, then: strongroom job retry " + dead[0].ID + " --data " + a.o.Dir}
}

func finding(check string, err error, found, advice string) Finding {
	if err != nil {
		return Finding{check, Fail, strongroom.KindOf(err).String() + ": " + err.Error(), advice}
	}
	return Finding{Check: check, State: OK, Found: found}
}
