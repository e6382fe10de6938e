package app

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/api"
	"strongroom/internal/connect"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/keys"
	"strongroom/internal/vault"
)

// Kinds of jobs. The numbers stand on disk: they never change their meaning.
const (
	jobSync jobs.Kind = iota + 1
	jobRoll
	jobDisconnect
	jobReclassify
)

// stepSize is how many records a job takes in one transaction.
const stepSize = 500

// handlers are the jobs the instance knows how to do.
func (a *App) handlers() map[jobs.Kind]jobs.Handler {
	all := map[jobs.Kind]jobs.Handler{
		jobSync: {Name: "store.sync", Run: a.runSync, Lease: 2 * time.Minute, Words: intake.Resources()},
		jobRoll: {Name: "epoch.roll", Run: a.runRoll, Lease: 2 * time.Minute},
		// A store that left was promised to be forgotten: no outage ends that.
		jobDisconnect:  {Name: "store.disconnect", Run: a.runDisconnect, Tries: -1},
		jobErase:       a.eraseHandler(),
		jobEndUpstream: a.endUpstreamHandler(),
		jobReclassify:  {Name: "field.reclassify", Run: a.runReclassify, Words: vault.Kinds()},
	}
	maps.Copy(all, a.webhooks.Handlers())
	return all
}

// runs remembers how far the jobs of this process have come, for whoever asks.
// It is a convenience: a job's state itself is durable in the queue.
type runs struct {
	mu sync.Mutex
	by map[string]api.Progress
}

// keep bounds the number of jobs remembered.
const keepRuns = 256

func (r *runs) set(job string, p api.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil || len(r.by) >= keepRuns {
		r.by = make(map[string]api.Progress)
	}
	r.by[job] = p
}

func (r *runs) get(job string) api.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[job]
}

// runSync pulls a store's data. Its arguments are the store, the resources and
// the time to begin with (Unix seconds; 0 is where the last sync ended).
func (a *App) runSync(ctx context.Context, j *jobs.Job) error {
	q := intake.SyncRequest{Store: j.Args.IDs[0], Resources: j.Args.IDs[1:]}
	if s := j.Args.Nums[0]; s > 0 {
		q.Since = time.Unix(s, 0).UTC()
	}
	_, err := a.intake.Sync(ctx, strongroom.System("sync"), q, func(s intake.Summary) {
		a.runs.set(j.ID, api.Progress{
			Records: s.Fetched, Total: s.Total, Stored: s.Stored, Unchanged: s.Unchanged, Dead: s.Dead, Refused: s.Refused, Damaged: s.Damaged,
			Pages: s.Pages, Retries: s.Retries, Seconds: s.Took.Seconds(),
		})
	})
	return final(err)
}

// final makes an error that no further try can mend one that ends the job: a
// store without credential, or a credential that EcartAPI refuses.
func final(err error) error {
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok || f.Kind != strongroom.Denied && f.Code != "not-connected" {
		return err
	}
	return strongroom.Faultf(strongroom.Invalid, f.Code, "%s", f.What).Because(err)
}

func (a *App) runRoll(ctx context.Context, j *jobs.Job) error {
	start := time.Now() // real time: a duration for people
	return a.life.Roll(ctx, strongroom.System("roll"), func(done, total int64) {
		a.runs.set(j.ID, api.Progress{Records: done, Total: total, Seconds: time.Since(start).Seconds()})
	})
}

func (a *App) runDisconnect(ctx context.Context, j *jobs.Job) error {
	for done, more := int64(0), true; more; {
		var n int
		var err error
		n, more, err = a.vault.EraseStoreStep(ctx, strongroom.System("disconnect"), j.Args.IDs[0], stepSize)
		if err != nil {
			return err
		}
		done += int64(n)
		a.runs.set(j.ID, api.Progress{Records: done})
	}
	a.life.Wake()
	return nil
}

// runReclassify treats the stored records of a store and kind anew.
func (a *App) runReclassify(ctx context.Context, j *jobs.Job) error {
	for done, cursor := int64(0), ""; ; {
		n, next, err := a.vault.ReclassifyStep(ctx, strongroom.System("reclassify"), j.Args.IDs[0], j.Args.IDs[1], cursor, stepSize)
		if err != nil {
			return err
		}
		done += int64(n)
		a.runs.set(j.ID, api.Progress{Records: done})
		if next == "" {
			return nil
		}
		cursor = next
	}
}

// work is the instance as the API sets things going in it.
type work App

// Credential seals a store's access token and the version of the API it is for.
func (w *work) Credential(ctx context.Context, who strongroom.Actor, store, token, version string) error {
	return w.connect.Paste(ctx, who, store, connect.Pasted{Token: token, Version: version})
}

// Sync begins to fetch what changed at a store, as a job.
func (w *work) Sync(ctx context.Context, who strongroom.Actor, store string, resources []string, since time.Time) (string, error) {
	o := jobs.Order{Kind: jobSync, Args: jobs.Args{IDs: append([]string{store}, resources...), Nums: []int64{0}}}
	if !since.IsZero() {
		o.Args.Nums[0] = since.Unix()
	}
	if !strongroom.IsAnyID(store) {
		return "", strongroom.Faultf(strongroom.NotFound, "store", "there is no such store")
	}
	return w.submit(ctx, who, intake.ActionSync, strongroom.Resource{Type: "Store", ID: store, Store: store}, o, func(tx *guard.Tx) error {
		if err := w.vault.CheckStore(&tx.Reader, store); err != nil {
			return err
		}
		return w.intake.CheckConnected(&tx.Reader, store)
	})
}

// chores puts in the jobs of the vault, in the vault's own commits.
type chores App

// Disconnect forgets how a store is reached and puts in the job that ends it.
func (c *chores) Disconnect(tx *guard.Tx, store string) (string, error) {
	if err := c.intake.ForgetTx(tx, store); err != nil {
		return "", err
	}
	if err := c.connect.EndedTx(tx, store); err != nil {
		return "", err
	}
	if err := c.webhooks.ForgetTx(tx, store); err != nil {
		return "", err
	}
	if err := c.routes.ForgetTx(tx, store); err != nil {
		return "", err
	}
	if err := c.documents.ForgetTx(tx, store); err != nil {
		return "", err
	}
	return c.jobs.Enqueue(tx, jobs.Order{Kind: jobDisconnect, Args: jobs.Args{IDs: []string{store}}, Once: true})
}

// Reclassify puts in the job that treats stored records anew.
func (c *chores) Reclassify(tx *guard.Tx, store, kind string) (string, error) {
	return c.jobs.Enqueue(tx, jobs.Order{Kind: jobReclassify, Args: jobs.Args{IDs: []string{store, kind}}, Once: true})
}

// Roll begins an epoch roll, as a job. One that waits serves all who ask.
func (w *work) Roll(ctx context.Context, who strongroom.Actor) (string, error) {
	return w.submit(ctx, who, named(keys.Actions(), "epoch.roll"), strongroom.Resource{Type: "Instance", ID: "epoch"}, jobs.Order{Kind: jobRoll, Once: true}, nil)
}

// named finds an action in a package's table. A name that is not there is a
// mistake of the programmer.
func named(table []strongroom.Action, name string) strongroom.Action {
	i := slices.IndexFunc(table, func(a strongroom.Action) bool { return a.Name == name })
	if i < 0 {
		panic("app: no action " + name)
	}
	return table[i]
}

// submit asks whether who may, has check look whether it can be done, where not
// nil, and puts the job in, in one commit.
func (w *work) submit(ctx context.Context, who strongroom.Actor, act strongroom.Action, r strongroom.Resource, o jobs.Order,
	check func(tx *guard.Tx) error) (id string, err error) {
	err = w.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(act, r, guard.Context{}); err != nil {
			return err
		}
		if check != nil {
			if err := check(tx); err != nil {
				return err
			}
		}
		id, err = w.jobs.Enqueue(tx, o)
		return err
	})
	if err == nil {
		w.jobs.Wake()
	}
	return id, err
}

// Sweep lets die what is due, now: records, and accounts and rights that are over.
func (w *work) Sweep(ctx context.Context, who strongroom.Actor) (expired, cleared int64, err error) {
	s, err := w.life.Sweep(ctx, who)
	if err == nil {
		_, papers := w.documents.Tend(ctx)
		err = errors.Join(papers, (*App)(w).tend(ctx))
	}
	return s.Expired, s.Cleared, err
}

// Job says where a job stands.
func (w *work) Job(ctx context.Context, who strongroom.Actor, id string) (api.JobStatus, error) {
	s, err := w.jobs.Status(ctx, who, id)
	return w.status(s), err
}

// Jobs lists jobs.
func (w *work) Jobs(ctx context.Context, who strongroom.Actor, state, cursor string, limit int) ([]api.JobStatus, string, error) {
	list, next, err := w.jobs.List(ctx, who, state, cursor, limit)
	out := make([]api.JobStatus, len(list))
	for i, s := range list {
		out[i] = w.status(s)
	}
	return out, next, err
}

// Retry gives a job that was given up all its tries again.
func (w *work) Retry(ctx context.Context, who strongroom.Actor, id string) error {
	return w.jobs.Retry(ctx, who, id)
}

func (w *work) status(s jobs.Status) api.JobStatus {
	return api.JobStatus{
		ID: s.ID, Name: s.Name, State: s.State.String(), Code: s.Code, Tries: s.Tries, Due: s.Due, Progress: w.runs.get(s.ID),
	}
}
