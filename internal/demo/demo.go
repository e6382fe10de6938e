package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/sim"
)

// Options say how the tour runs.
type Options struct {
	// Dir is the one folder everything is written under. It may exist, but holds
	// no instance yet.
	Dir string
	// Stay keeps serving after the last step until the context ends; else the
	// tour ends with the JSON text of [Result] on a line of its own.
	Stay bool
	// Orders is the number of orders of each shop; a quarter of them is past every
	// clock. At least 100.
	Orders int
	// Seed chooses the invented shops and people.
	Seed uint64
	// Listen is the address of the HTTP API, on loopback; empty is any free port.
	Listen string
	// Out receives the tour as text. Live says that it is a terminal.
	Out  io.Writer
	Live bool
}

// Result is what was counted. Each number comes from answers of the instance
// that agreed with what the simulator knows.
type Result struct {
	Ingested    int64  `json:"ingested"`     // orders stored, pulled and pushed
	Revealed    int64  `json:"revealed"`     // originals opened for a purpose, byte for byte
	Refused     int64  `json:"refused"`      // requests turned down as they had to be
	Found       int64  `json:"found"`        // records found by a shopper's e-mail address
	Erased      int64  `json:"erased"`       // records erased at a shopper's request
	Expired     int64  `json:"expired"`      // records that died on their day, and no others
	Leaks       *int64 `json:"pii_leaks"`    // personal values found in files, log lines and sealed answers; null: not searched yet
	LogVerified bool   `json:"log_verified"` // offline, and not so with a line cut out
}

// Run takes the tour. It returns an error if a step fails or finds anything
// leaked; when not staying, the last line on Out is the Result all the same.
// The folder is left as it is, the instance stopped.
func Run(ctx context.Context, o Options) error {
	if o.Orders < 100 {
		return strongroom.Faultf(strongroom.Invalid, "orders", "the demo needs at least 100 orders a shop")
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	t := &tour{o: o, out: &printer{w: o.Out, live: o.Live}, began: time.Now()}
	err = t.run(ctx)
	err = errors.Join(err, t.stop())
	if !o.Stay {
		text, e := json.Marshal(t.result)
		if e != nil {
			return errors.Join(err, e)
		}
		fmt.Fprintf(o.Out, "%s\n", text)
	}
	if o.Stay && errors.Is(err, context.Canceled) {
		return nil // asked to stop
	}
	return err
}

// shop is a store of the simulator and what the instance calls it.
type shop struct {
	sim.StoreInfo
	id     string
	live   map[string]int // external id -> number, of orders that are not past their day
	pushed bool           // its orders are sent in one by one, not pulled
}

// tour is a demo under way.
type tour struct {
	o      Options
	out    *printer
	began  time.Time
	result Result

	world  *sim.Sim
	simURL string
	made   app.Made
	log    *os.File
	url    string
	api    *client
	search *Search
	values []string
	shops  []*shop
	plain  int64 // bytes of the orders' own JSON, pulled and pushed

	inClear atomic.Int64 // personal values in answers that must not show any
	speeds  []timing
	table   int64 // bytes of the database file
	ahead   int64 // bytes of its write-ahead log

	stopSim func() error
	stopApp context.CancelFunc
	ended   chan error
}

// path returns a place in the one folder.
func (t *tour) path(name string) string { return filepath.Join(t.o.Dir, name) }

func (t *tour) run(ctx context.Context) error {
	steps := []struct {
		title string
		do    func(context.Context) error
	}{
		{"A new instance", t.makeInstance},
		{"Four shops on four platforms", t.connect},
		{"Their orders, sealed on the way in", t.pull},
		{"One order as it is kept, and opened for a purpose", t.open},
		{"No purpose, no data", t.refuse},
		{"A shopper asks to be forgotten", t.forget},
		{"How fast", t.measure},
		{"Thirty-one days later", t.pass},
		{"The audit log, verified offline", t.verify},
		{"Every byte searched for the people it took in", t.searchAll},
	}
	for _, s := range steps {
		t.out.headline(s.title)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("step %d, %s: %w", t.out.step, s.title, err)
		}
	}
	t.summary()
	if !t.o.Stay {
		return nil
	}
	t.whereNext()
	select {
	case <-ctx.Done():
		return nil
	case err := <-t.ended:
		t.ended <- nil // stop waits here as well
		return fmt.Errorf("the server ended: %w", err)
	}
}

// makeInstance makes the world, then an instance that pulls from it, and serves.
func (t *tour) makeInstance(ctx context.Context) error {
	t.makeWorld()
	var err error
	if t.simURL, t.stopSim, err = Loopback(ctx, "127.0.0.1:0", t.world.Handler()); err != nil {
		return err
	}
	if err := os.MkdirAll(t.o.Dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(t.path("data")); !errors.Is(err, fs.ErrNotExist) {
		return strongroom.Faultf(strongroom.Conflict, "demo", "%s holds a demo already", t.o.Dir).Advise("choose another folder with --data")
	}
	t.made, err = app.Init(ctx, t.path("data"), app.Config{
		Environment: strongroom.Test, Listen: t.o.Listen, TLS: "off", EcartAPI: t.simURL,
	}, app.FirstOwner{}, nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.path("api.key"), []byte(t.made.APIKey+"\n"), 0o600); err != nil {
		return err
	}
	if err := t.serve(ctx); err != nil {
		return err
	}
	t.out.say("environment  test, embedded engine, every commit synced to disk")
	t.out.say("data         %s", t.made.Data)
	t.out.say("keys         %s, outside the data folder", t.made.Keys)
	t.out.say("root key     %s, beside neither", t.made.RootKeyFile)
	t.out.say("serving      %s", t.url)
	return nil
}

// serve opens the instance and waits until it answers. Its operational log, of
// every level, goes to a file in the folder.
func (t *tour) serve(ctx context.Context) error {
	var err error
	if t.log, err = os.OpenFile(t.path("strongroom.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Options{Dir: t.made.Data, Log: slog.New(slog.NewJSONHandler(t.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stopApp, t.ended = stop, make(chan error, 1)
	ready := make(chan string, 1)
	go func() { t.ended <- a.Serve(serving, func(url string) { ready <- url }) }()
	select {
	case t.url = <-ready:
	case err := <-t.ended:
		t.ended <- nil
		return fmt.Errorf("the server did not start: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
	t.api = &client{
		base: t.url, key: t.made.APIKey,
		http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: callers}},
		seen: func(answer []byte) { t.inClear.Add(int64(len(t.search.Bytes(answer)))) },
	}
	return nil
}

// stop ends what runs, each once; it may be called at any time.
func (t *tour) stop() error {
	err := t.stopServing()
	if t.stopSim != nil {
		err = errors.Join(err, t.stopSim())
		t.stopSim = nil
	}
	return err
}

func (t *tour) stopServing() error {
	var err error
	if t.stopApp != nil {
		t.api.http.CloseIdleConnections()
		t.stopApp()
		err = <-t.ended
		t.stopApp = nil
	}
	if t.log != nil {
		err = errors.Join(err, t.log.Close())
		t.log = nil
	}
	return err
}
