package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/keys"
	"strongroom/internal/vault"
)

// product is the vault over log, guard and keyring, as the instance wires them:
// the sealer runs, the checkpoint is kept outside.
type product struct {
	vault   *vault.Vault
	keys    *keys.Keys
	turns   *guard.Guard
	policy  atomic.Pointer[authz.Engine] // what decides now
	db      *db.DB
	clock   *strongroom.Clock
	who     strongroom.Actor
	store   string
	closers []func() error // in the order they were opened
}

func openProduct(ctx context.Context, at place, name string) (_ *product, err error) {
	p := &product{clock: new(strongroom.Clock)}
	p.who = strongroom.Actor{
		Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "http",
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.db, err = at.open(ctx, name, p.clock, audit.Schema(), keys.Schema(), vault.Schema()); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.db.Close)
	dir, err := at.folder(name + "-keys")
	if err != nil {
		return nil, err
	}
	ring, err := p.ring(ctx, dir)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, ring.Close)
	g, err := p.guard(ctx, ring, dir)
	if err != nil {
		return nil, err
	}
	if p.keys, err = keys.New(ring, g, keys.Options{Ledger: filepath.Join(dir, "erasures")}); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.keys.Close)
	return p, p.openVault(ctx, g)
}

// ring opens the keyring in dir, and makes it first if there is none.
func (p *product) ring(ctx context.Context, dir string) (*keys.Ring, error) {
	file, folder := filepath.Join(dir, "root"), filepath.Join(dir, "ring")
	o := keys.RingOptions{Dir: folder, Environment: strongroom.Test, Clock: p.clock}
	if _, err := os.Stat(folder); err == nil {
		root, err := keys.RootFromFile(file)
		if err != nil {
			return nil, err
		}
		o.KMS = root
		return keys.OpenRing(ctx, o)
	}
	root, err := keys.CreateRootFile(file)
	if err != nil {
		return nil, err
	}
	o.KMS = root
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	return keys.CreateRing(ctx, o)
}

// guard starts log and guard.
func (p *product) guard(ctx context.Context, ring *keys.Ring, dir string) (*guard.Guard, error) {
	signer, err := ring.LogSigner("strongroom/bench")
	if err != nil {
		return nil, err
	}
	log, err := audit.New(p.db, audit.Options{Signer: signer, CheckpointPath: filepath.Join(dir, "checkpoint"), Clock: p.clock})
	if err != nil {
		return nil, err
	}
	if err := log.Start(ctx); err != nil {
		return nil, err
	}
	engine, err := authz.New(nil, authz.Options{Environment: strongroom.Test})
	if err != nil {
		return nil, err
	}
	p.policy.Store(engine)
	g := guard.New(guard.Options{DB: p.db, Log: log, Policy: p.policy.Load})
	p.turns = g
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- g.Run(run) }()
	go func() { ended <- log.Run(run) }()
	p.closers = append(p.closers, func() error {
		stop()
		return errors.Join(<-ended, <-ended)
	})
	return g, nil
}

func (p *product) openVault(ctx context.Context, g *guard.Guard) error {
	maps, err := fieldmap.Load(fieldmap.LoadOptions{Detect: func(b []byte) bool { _, hit := classify.Has(b); return hit }})
	if err != nil {
		return err
	}
	const plenty = 1 << 40 // the bench itself must not run out
	p.vault = vault.New(vault.Options{
		Guard: g, Keys: p.keys, Maps: maps, Environment: strongroom.Test, Clock: p.clock,
		Budgets: vault.Budgets{RecordsHour: plenty, RecordsDay: plenty, FieldsHour: plenty, FieldsDay: plenty},
	})
	stores, _, err := p.vault.Stores(ctx, p.who, "", 1)
	if err != nil {
		return err
	}
	if len(stores) == 0 {
		made, err := p.vault.CreateStore(ctx, p.who, vault.StoreSpec{Name: "Larkspur Lane", Platform: shopPlatform})
		p.store = made.ID
		return err
	}
	p.store = stores[0].ID
	return nil
}

// Close ends the product, last opened first.
func (p *product) Close() error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	p.closers = nil
	return errors.Join(errs...)
}

func (p *product) in(body []byte) vault.In {
	return vault.In{Store: p.store, Resource: "orders", Version: "v2", Platform: shopPlatform, How: "sync", Body: body}
}

func (p *product) Ingest(ctx context.Context, body []byte) (string, error) {
	out, err := p.vault.Ingest(ctx, p.who, p.in(body))
	if err != nil {
		return "", err
	}
	if out.Stored != 1 || len(out.Body) == 0 {
		return "", wrong("an order was not stored")
	}
	return out.Records[0].ID, nil
}

func (p *product) IngestMany(ctx context.Context, bodies [][]byte) ([]string, error) {
	ins := make([]vault.In, len(bodies))
	for i, b := range bodies {
		ins[i] = p.in(b)
	}
	outs, err := p.vault.IngestMany(ctx, p.who, ins)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(outs))
	for i, o := range outs {
		if o.Err != nil {
			return nil, o.Err
		}
		if o.Stored != 1 {
			return nil, wrong("an order was not stored")
		}
		ids[i] = o.Records[0].ID
	}
	return ids, nil
}

func (p *product) Reveal(ctx context.Context, id, reference string) ([]byte, error) {
	return p.revealAs(ctx, p.who, id, reference)
}

func (p *product) revealAs(ctx context.Context, who strongroom.Actor, id, reference string) ([]byte, error) {
	out, err := p.vault.Reveal(ctx, who, vault.RevealRequest{
		Store: p.store, Record: id, Purpose: strongroom.Fulfilment, Reference: reference,
	})
	return out.Body, err
}

func (p *product) Find(ctx context.Context, email string) (int, error) {
	list, _, err := p.vault.Find(ctx, p.who, vault.FindQuery{Store: p.store, Email: email})
	return len(list), err
}

func (p *product) Erase(ctx context.Context, id string) error {
	out, err := p.vault.Erase(ctx, p.who, vault.EraseRequest{Store: p.store, Records: []string{id}})
	if err == nil && out.Count != 1 {
		return wrong("a record was not erased")
	}
	return err
}

// pass moves the clock on, so that records reach their date.
func (p *product) pass(d time.Duration) { p.clock.SetOffset(p.clock.Offset() + d) }
