package demo

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// callers is how many ask at the same time while a verb is measured.
const callers = 8

// timing is what a row of the measured table says.
type timing struct {
	what     string
	n        int
	rate     float64 // a second, all callers together
	p50, p99 time.Duration
}

// measure calls do for 0 to n-1 from several callers at once. The first error
// ends it.
func measure(ctx context.Context, what string, n int, do func(context.Context, int) error) (timing, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([]time.Duration, n)
	next := make(chan int)
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for i := range next {
				t := time.Now()
				if err := do(ctx, i); err != nil {
					cancel(err)
					return
				}
				took[i] = time.Since(t)
			}
		})
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return timing{}, err
	}
	all := time.Since(began)
	slices.Sort(took)
	t := timing{what: what, n: n, rate: float64(n) / all.Seconds()}
	if n > 0 {
		t.p50, t.p99 = took[n/2], took[min(n-1, n*99/100)]
	}
	return t, nil
}

// size returns the bytes of all files under dir whose name fits the pattern.
func size(dir, pattern string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if ok, err := filepath.Match(pattern, d.Name()); err != nil || !ok {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
