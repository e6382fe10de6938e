package app

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/federation"
	"strongroom/internal/identity"
	"strongroom/internal/lifecycle"
	"strongroom/internal/people"
	"strongroom/internal/review"
	"strongroom/internal/vault"
)

// metrics are the numbers an operator watches. Labels are route patterns and
// status codes, never anything a caller chose.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "strongroom_http_request_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
		}, []string{"route", "status"}),
	}
	m.registry.MustRegister(m.requests)
	return m
}

func (m *metrics) observe(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// gauge is one number read when it is asked for.
type gauge struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(snapshot) float64
}

// snapshot is the state of the instance at one scrape.
type snapshot struct {
	app     *App
	now     time.Time
	gauges  vault.Gauges
	dead    int64 // jobs given up
	letters int64 // messages given up, deliveries nobody understands
	people  people.Gauges
	left    federation.Tally
	ways    int // recoveries of owners under way
	orphan  int // grants without a case
	asked   lifecycle.RequestGauges

	credentials connect.Tally
	flawed      int // services that nobody answers for

	reviews    review.Tally
	unreviewed bool // the tally is old, or the sweeper's part of the reviews failed
}

const gaugeValue = prometheus.GaugeValue

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("strongroom_"+name, help, nil, nil)
}

func gauges() []gauge {
	const up, now = prometheus.CounterValue, prometheus.GaugeValue
	return []gauge{
		{describe("overdue_records", "Records past their erase-by date whose key or remains are still there. Must be 0."), now, func(s snapshot) float64 { return float64(s.gauges.Overdue) }},
		{describe("next_death_seconds", "Seconds until the next record reaches its date; 0 without records."), now, func(s snapshot) float64 {
			if s.gauges.NextDue.IsZero() {
				return 0
			}
			return s.gauges.NextDue.Sub(s.now).Seconds()
		}},
		{describe("oldest_pii_age_seconds", "Age of the oldest record that can still be opened; 0 without records."), now, func(s snapshot) float64 {
			if s.gauges.OldestPII.IsZero() {
				return 0
			}
			return s.now.Sub(s.gauges.OldestPII).Seconds()
		}},
		{describe("epoch_age_seconds", "Age of the epoch key by the data clock."), now, func(s snapshot) float64 { return s.now.Sub(s.app.keys.EpochStarted()).Seconds() }},
		{describe("log_unsealed_events", "Events since the newest signed checkpoint."), now, func(s snapshot) float64 {
			n, _ := s.app.audit.Sealed()
			return float64(n)
		}},
		{describe("clock_behind_seconds", "How far the clock is behind the newest event. Above 300 reveals refuse."), now, func(s snapshot) float64 { return s.app.audit.Behind().Seconds() }},
		{describe("background_failed", "1 while the last sweep or roll did not finish."), now, func(s snapshot) float64 {
			if s.app.life.Status().Err != nil {
				return 1
			}
			return 0
		}},
		{describe("expired_total", "Records that died on their date since start."), up, func(s snapshot) float64 { return float64(s.app.life.Status().Expired) }},
		{describe("commits_total", "Transactions committed since start."), up, func(s snapshot) float64 { return float64(s.app.guard.Stats().Commits) }},
		{describe("calls_total", "Guarded calls answered since start."), up, func(s snapshot) float64 { return float64(s.app.guard.Stats().Calls) }},
		{describe("redone_total", "Transactions begun again with savepoints since start."), up, func(s snapshot) float64 { return float64(s.app.guard.Stats().Redone) }},
		{describe("refused_total", "Guarded calls refused since start."), up, func(s snapshot) float64 { return float64(s.app.guard.Stats().Refused) }},
		{describe("damaged_rows_total", "Rows that were changed in the database and were met since start, each once. Must be 0."), up, func(s snapshot) float64 { return float64(s.gauges.Damaged) }},
		{describe("dead_jobs", "Jobs that were given up and wait for a person, counted up to 100000."), now, func(s snapshot) float64 { return float64(s.dead) }},
		{describe("accounts_active", "Accounts of people that may sign in."), now, func(s snapshot) float64 { return float64(s.people.Active) }},
		{describe("accounts_one_factor", "Active accounts without two factors. Must be 0."), now, func(s snapshot) float64 { return float64(s.people.OneFactor) }},
		{describe("password_oldest_seconds", "Age of the oldest password in use; 0 without one."), now, func(s snapshot) float64 { return s.people.OldestPassword.Seconds() }},
		{describe("recoveries", "Owners who are being led back in from the host. Must be 0 unless one asked for it."), now, func(s snapshot) float64 { return float64(s.ways) }},
		{describe("strangers_refused_total", "Writes of sign-ins refused since start because too many waited."), up, func(s snapshot) float64 { return float64(s.app.guard.Stats().Turned) }},
		{describe("forwarded_unheard_total", "Calls since start that said for whom they were forwarded and came from no trusted proxy."), up, func(s snapshot) float64 { return float64(s.app.unheard()) }},
		{describe("leavers_unprobed", "People who left and whom no probe has tried yet."), now, func(s snapshot) float64 { return float64(s.left.Unprobed) }},
		{describe("leavers_open", "People who left and had a way in when a probe tried. Must be 0."), now, func(s snapshot) float64 { return float64(s.left.Open) }},
		{describe("signals_failed", "1 while the log cannot be followed or an account not be disabled. Must be 0."), now, func(s snapshot) float64 {
			if s.app.blind.Load() {
				return 1
			}
			return 0
		}},
		{describe("grants_without_case", "Grants that nobody approved. Must be 0."), now, func(s snapshot) float64 { return float64(s.orphan) }},
		{describe("services_unowned", "Services that nobody answers for."), now, func(s snapshot) float64 { return float64(s.flawed) }},
		{describe("calls_waiting", "Guarded calls waiting now."), now, func(s snapshot) float64 { return float64(s.app.guard.Stats().Waiting) }},
	}
}

func allGauges() []gauge {
	return slices.Concat(gauges(), reviewGauges(), webhookGauges(), requestGauges(), credentialGauges(), certificateGauges())
}

// Describe sends what Collect will send.
func (a *App) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range allGauges() {
		ch <- g.desc
	}
}

// Collect reads the state once and sends every number of it. A state that
// cannot be read is an invalid metric, which the scraper sees as a failure.
func (a *App) Collect(ch chan<- prometheus.Metric) {
	s, err := a.snapshot(context.Background())
	for _, g := range allGauges() {
		if err != nil {
			ch <- prometheus.NewInvalidMetric(g.desc, strongroom.Faultf(strongroom.KindOf(err), "metrics", "the state cannot be read"))
			continue
		}
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.read(s))
	}
}

func (a *App) snapshot(ctx context.Context) (snapshot, error) {
	g, err := a.vault.Gauges(ctx)
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{app: a, now: a.clock.Now(), gauges: g}
	if s.dead, err = a.jobs.Dead(ctx); err != nil {
		return s, err
	}
	if s.letters, err = a.webhooks.Dead(ctx); err != nil {
		return s, err
	}
	if s.people, err = a.people.Gauges(ctx); err != nil {
		return s, err
	}
	if s.ways, err = a.people.RecoveriesUnderWay(ctx); err != nil {
		return s, err
	}
	if s.left, err = a.federation.Tally(ctx); err != nil {
		return s, err
	}
	if s.orphan, err = a.access.Orphans(ctx); err != nil {
		return s, err
	}
	if s.asked, err = a.requests.Gauges(ctx); err != nil {
		return s, err
	}
	_, flaws, err := a.identity.Tally(ctx)
	s.flawed = flaws[identity.FlawUnowned] + flaws[identity.FlawOrphan]
	if err != nil {
		return s, err
	}
	s.credentials, err = a.connect.Tally(ctx)
	s.reviews, s.unreviewed = a.reviewTally(ctx)
	return s, err
}

// handler serves /metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
}

// serveMetrics writes the metrics for a caller whom the API has let in.
func (a *App) serveMetrics(_ context.Context, _ strongroom.Actor, w http.ResponseWriter, r *http.Request) error {
	a.metrics.handler().ServeHTTP(w, r)
	return nil
}
