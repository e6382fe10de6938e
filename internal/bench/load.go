package bench

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// outcome is one measured slice of load.
type outcome struct {
	ops  int
	took time.Duration
	lats []time.Duration // of each call
	cpu  time.Duration   // of this process, in user and system mode
}

func (o outcome) rate() float64 { return float64(o.ops) / o.took.Seconds() }

// load has callers call op with the numbers 0, 1, 2, … until limit calls were
// begun or the time is over; a time of 0 is no bound. The first error ends it.
func load(callers, limit int, d time.Duration, op func(i int) error) (outcome, error) {
	runtime.GC() // what came before is not this slice's to clean up
	var next atomic.Int64
	var failed atomic.Pointer[error]
	lats := make([][]time.Duration, callers)
	spent := cpuTime()
	begun := time.Now()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			at := time.Now()
			for failed.Load() == nil && (d == 0 || at.Sub(begun) < d) {
				i := int(next.Add(1)) - 1
				if i >= limit {
					return
				}
				if err := op(i); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				now := time.Now()
				lats[c] = append(lats[c], now.Sub(at))
				at = now
			}
		})
	}
	wg.Wait()
	o := outcome{took: time.Since(begun), lats: slices.Concat(lats...), cpu: cpuTime() - spent}
	o.ops = len(o.lats)
	if err := failed.Load(); err != nil {
		return o, *err
	}
	return o, nil
}

// figure is what several slices of one side come to.
type figure struct {
	rate     float64 // the median of the slices, a second
	p50, p99 time.Duration
	cpu      time.Duration // of this process for one operation, client included
}

// cpuTime returns the processor time this process has used. It tells what an
// operation costs even where neighbours take the cores away.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func figureOf(os []outcome) figure {
	var f figure
	var rates []float64
	var lats []time.Duration
	ops, cpu := 0, time.Duration(0)
	for _, o := range os {
		ops, cpu = ops+o.ops, cpu+o.cpu
		rates = append(rates, o.rate())
		lats = append(lats, o.lats...)
	}
	f.rate = median(rates)
	f.cpu = cpu / time.Duration(max(ops, 1))
	slices.Sort(lats)
	if n := len(lats); n > 0 {
		f.p50, f.p99 = lats[n/2], lats[min(n-1, n*99/100)]
	}
	return f
}

func median[T cmp.Ordered](xs []T) T {
	xs = slices.Sorted(slices.Values(xs))
	return xs[len(xs)/2]
}

// duel measures two sides in turns, rounds times, and lets the first of a round
// be the second of the next.
func duel(rounds int, a, b func(round int) (outcome, error)) (fa, fb figure, err error) {
	var as, bs []outcome
	for r := range rounds {
		for turn := range 2 {
			side, out := a, &as
			if (r+turn)%2 == 1 {
				side, out = b, &bs
			}
			o, err := side(r)
			if err != nil {
				return fa, fb, err
			}
			*out = append(*out, o)
		}
	}
	return figureOf(as), figureOf(bs), nil
}
