package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/db"
)

// Options say what to measure and where.
type Options struct {
	Engines  []db.Engine
	Postgres string   // address of a durable PostgreSQL server, for that engine
	Quick    bool     // less data: the same table in at most 90 seconds
	Only     []string // parts of the run, see Parts; none means all
	Records  int      // of the large instance of the flat rows; 0: a million, quick 15,000
	Keep     string   // a folder that keeps the large instance for the next run; "": it is removed
	Dir      string   // an empty folder on the disk to measure; it is filled
	Binary   string   // the built command, for cold start and idle memory

	Progress func(line string) // what happens just now; may be nil
	// Section is called with all rows so far after each part of the run, so that a
	// run that is cut off leaves what it has. Its error ends the run. May be nil.
	Section func(rows []Row) error
}

// Row is one line of the table. Durations are of single calls.
type Row struct {
	Name    string  `json:"name"`
	Engine  string  `json:"engine"`
	Callers int     `json:"callers"`
	Product float64 `json:"product_ops_s"`
	Floor   float64 `json:"floor_ops_s"`
	Ratio   float64 `json:"ratio"`
	Bar     float64 `json:"bar"`
	OK      bool    `json:"ok"`

	// Unit is what Product and Floor count: ops/s unless it says otherwise. Where
	// there is no floor, Ratio is the figure itself.
	Unit       string  `json:"unit"`
	ProductP50 float64 `json:"product_p50_ms,omitempty"`
	ProductP99 float64 `json:"product_p99_ms,omitempty"`
	FloorP50   float64 `json:"floor_p50_ms,omitempty"`
	FloorP99   float64 `json:"floor_p99_ms,omitempty"`
	ProductCPU float64 `json:"product_cpu_us,omitempty"` // of the bench's process for one operation
	FloorCPU   float64 `json:"floor_cpu_us,omitempty"`
	Note       string  `json:"note,omitempty"`
	// Incomplete says that the run this row is of has not come to its end.
	Incomplete bool `json:"incomplete,omitempty"`
}

// scale is how much data a run takes.
type scale struct {
	rounds       int
	slice        time.Duration // of one round of one side
	bulk         int           // orders a round of bulk ingest
	singles      int           // orders that a round of single ingest may take
	small, large int           // records of the flat rows
	flatSingles  int           // orders that a round of their single ingest takes: few, so that small stays small
	cold         int           // records of the instance that is started
	settle       time.Duration // before idle memory is read
	pages        int           // that are new to the mirror, a round
	long         int           // bytes of a long answer of the mirror
}

func (o Options) scale() scale {
	s := scale{rounds: 5, slice: 2 * time.Second, bulk: 20_480, singles: 30_000,
		small: 10_000, large: 1_000_000, flatSingles: 2000, cold: 100_000, settle: 5 * time.Second,
		pages: 200, long: 100_000_000}
	if o.Quick {
		s = scale{rounds: 3, slice: 300 * time.Millisecond, bulk: 2048, singles: 4096,
			small: 1500, large: 15_000, flatSingles: 500, cold: 5_000, settle: time.Second,
			pages: 40, long: 20_000_000}
	}
	s.large = cmp.Or(o.Records, s.large)
	return s
}

const (
	batchSize  = 256  // orders a call of bulk ingest
	manyAtOnce = 32   // callers of the rows about concurrency
	bulkAtOnce = 4    // callers of bulk ingest
	sweepSize  = 2000 // records a step of the sweep at most, as the instance's own
)

// bench is one run on one engine.
type bench struct {
	scale
	o    Options
	at   place
	shop *shop
	sold int // orders the shop has given out
	rows []Row
	past []Row     // of the engines before
	made *instance // by the first part that needs one
}

// Run measures and returns the table. An error means that something could not
// be measured, or that an answer was wrong; a missed bar is no error. With an
// error come the rows there are, marked as those of an incomplete run.
func Run(ctx context.Context, o Options) ([]Row, error) {
	app.TuneMemory() // floor and product run as an instance does
	var rows []Row
	for _, e := range o.Engines {
		b := &bench{scale: o.scale(), o: o, at: place{engine: e, dir: o.Dir, server: o.Postgres}, past: rows}
		b.shop = newShop(b.cold*3+1_000_000, time.Now())
		err := b.clean(ctx) // a run that was cut off leaves databases on the server
		if err == nil {
			err = errors.Join(b.run(ctx), b.clean(context.WithoutCancel(ctx)))
		}
		rows = append(rows, b.rows...)
		if err != nil {
			return mark(rows, true), fmt.Errorf("%s: %w", e, err)
		}
	}
	return mark(rows, false), nil
}

// mark says of all rows whether their run came to its end.
func mark(rows []Row, incomplete bool) []Row {
	for i := range rows {
		rows[i].Incomplete = incomplete
	}
	return rows
}

func (b *bench) run(ctx context.Context) error {
	verbs := slices.ContainsFunc(verbParts(), b.wants)
	if verbs {
		if err := b.main(ctx); err != nil {
			return err
		}
	}
	return b.steps(ctx, []step{
		{"http", func() error { return b.http(ctx) }},
		{"mirror", func() error { return b.mirror(ctx) }},
		{"flat", func() error { return b.flat(ctx) }},
		{"process", func() error { return b.process(ctx) }},
	})
}

// clean removes every database of a run.
func (b *bench) clean(ctx context.Context) error {
	var errs []error
	for _, name := range []string{"floor", "product", "small", "large", "plain", "instance", "mirror", "mirror-floor"} {
		errs = append(errs, b.at.drop(ctx, name))
	}
	return errors.Join(errs...)
}

// step is a piece of a run; one without a name is always taken.
type step struct {
	part string
	run  func() error
}

func (b *bench) steps(ctx context.Context, all []step) error {
	for _, s := range all {
		if s.part != "" && !b.wants(s.part) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		before := len(b.rows)
		if err := s.run(); err != nil {
			return fmt.Errorf("%s: %w", cmp.Or(s.part, "load"), err)
		}
		if len(b.rows) == before || b.o.Section == nil {
			continue
		}
		if err := b.o.Section(mark(slices.Concat(b.past, b.rows), true)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) wants(part string) bool { return len(b.o.Only) == 0 || slices.Contains(b.o.Only, part) }

// verbParts are the parts that work on one pair of databases.
func verbParts() []string {
	return []string{"bulk", "disk", "ingest", "reveal", "find", "erase", "sweep"}
}

// next returns the shop's next n orders.
func (b *bench) next(n int) []order {
	b.sold += n
	return b.shop.orders(b.sold-n, b.sold)
}

// add judges a row and keeps it. lower says that the bar is a maximum.
func (b *bench) add(r Row, lower bool) {
	r.Engine = string(b.at.engine)
	if r.Unit == "" {
		r.Unit = "ops/s"
	}
	if r.Floor > 0 {
		r.Ratio = r.Product / r.Floor
	} else {
		r.Ratio = r.Product
	}
	r.OK = r.Ratio >= r.Bar
	if lower {
		r.OK = r.Ratio <= r.Bar
	}
	b.rows = append(b.rows, r)
	b.say("%s %.2f", r.Name, r.Ratio)
}

// say tells who watches what happens.
func (b *bench) say(format string, args ...any) {
	if b.o.Progress != nil {
		b.o.Progress(string(b.at.engine) + ": " + fmt.Sprintf(format, args...))
	}
}

// addDuel keeps a row of two figures.
func (b *bench) addDuel(name string, callers int, bar float64, floor, product figure, note string) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.add(Row{
		Name: name, Callers: callers, Bar: bar, Product: product.rate, Floor: floor.rate, Note: note,
		ProductP50: ms(product.p50), ProductP99: ms(product.p99), FloorP50: ms(floor.p50), FloorP99: ms(floor.p99),
		ProductCPU: ms(product.cpu * 1000), FloorCPU: ms(floor.cpu * 1000),
	}, false)
}

// contest is floor and product over one pair of databases.
type contest struct {
	f      *floor
	p      *product
	sf, sp *stock
}

func (b *bench) open(ctx context.Context, c *contest) (err error) {
	if c.f, err = openFloor(ctx, b.at, "floor"); err != nil {
		return err
	}
	if c.p, err = openProduct(ctx, b.at, "product"); err != nil {
		return errors.Join(err, c.f.Close())
	}
	if c.sf == nil {
		c.sf, c.sp = new(stock), new(stock)
	}
	c.sf.side, c.sp.side = c.f, c.p
	return nil
}

func (c *contest) close() error { return errors.Join(c.f.Close(), c.p.Close()) }

// main measures the verbs, in process: what the vault costs without a door.
func (b *bench) main(ctx context.Context) (err error) {
	c := new(contest)
	if err := b.open(ctx, c); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var before [2]int64
	return b.steps(ctx, []step{
		{"", func() (err error) { before, err = b.sizes(ctx, c); return err }},
		{"", func() error { return b.bulkIngest(ctx, c.sf, c.sp) }},
		{"disk", func() error { return b.disk(ctx, c, before) }},
		{"ingest", func() error { return b.single(ctx, "ingest", c.sf, c.sp, 0.5) }},
		{"reveal", func() error { return b.reveals(ctx, c) }},
		{"find", func() error { return b.find(ctx, "find by e-mail", c.sf, c.sp, 0.4) }},
		{"erase", func() error { return b.erase(ctx, c.sf, c.sp) }},
		{"sweep", func() error { return b.sweep(ctx, c.f, c.p) }},
	})
}

// thousands writes n with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// disk measures bytes on disk for each order, everything counted: rows, indexes,
// keys, log.
func (b *bench) disk(ctx context.Context, c *contest, before [2]int64) error {
	after, err := b.sizes(ctx, c)
	if err != nil {
		return err
	}
	n := b.bulk * b.rounds
	each := func(i int) float64 { return float64(after[i]-before[i]) / float64(n) }
	b.add(Row{Name: "bytes on disk per order", Unit: "bytes", Bar: 2.5, Floor: each(0), Product: each(1),
		Note: fmt.Sprintf("after %s orders of %d bytes", thousands(n), b.shop.average)}, true)
	return nil
}

// sizes returns how many bytes floor and product take. SQLite is closed for it,
// which moves the write-ahead log into the file.
func (b *bench) sizes(ctx context.Context, c *contest) (out [2]int64, err error) {
	if b.at.engine == db.SQLite {
		if err := c.close(); err != nil {
			return out, err
		}
		if err := b.open(ctx, c); err != nil {
			return out, err
		}
	}
	for i, d := range []*db.DB{c.f.db, c.p.db} {
		if out[i], err = d.Size(ctx); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Parts names the parts of a run.
func Parts() []string { return append(verbParts(), "http", "mirror", "flat", "process") }

// ParseEngines returns the engines of a comma-separated list.
func ParseEngines(s string) ([]db.Engine, error) {
	var out []db.Engine
	for _, name := range strings.Split(s, ",") {
		switch e := db.Engine(name); e {
		case db.SQLite, db.Postgres:
			out = append(out, e)
		default:
			return nil, fmt.Errorf("no engine is called that; there are %s and %s", db.SQLite, db.Postgres)
		}
	}
	return out, nil
}

// ParseParts returns the parts of a comma-separated list; "" is all.
func ParseParts(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, ",")
	for _, p := range parts {
		if !slices.Contains(Parts(), p) {
			return nil, fmt.Errorf("no part is called that; there are %s", strings.Join(Parts(), ", "))
		}
	}
	return parts, nil
}
