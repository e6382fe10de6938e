package webhook

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/intake"
	"strongroom/internal/jobs"
	"strongroom/internal/seal"
)

// Hook is a subscription as people see it.
type Hook struct {
	ID               string
	Resource, Action string
	State            string // asked, made, retired, or refused by EcartAPI
	Code             string // why it was refused
	Created          time.Time
	Seen             time.Time // of the last delivery; zero if there was none
}

// subscriptions are what a store is subscribed to: what becomes of its orders, and
// that the merchant takes the application away.
func subscriptions() [][2]string {
	return [][2]string{{"orders", "create"}, {"orders", "update"}, {"orders", "delete"}, {"app", "uninstalled"}}
}

// SubscribeTx puts in the job that subscribes to what happens at a store, with the
// transaction that connects it. The caller has been allowed to connect.
func (w *Webhooks) SubscribeTx(tx *guard.Tx, store string) (job string, err error) {
	return w.subscribeTx(tx, store, false)
}

func (w *Webhooks) subscribeTx(tx *guard.Tx, store string, again bool) (string, error) {
	args := jobs.Args{IDs: []string{store}, Nums: []int64{0}}
	if again {
		args.Nums[0] = 1
	}
	return w.o.Enqueue(tx, jobs.Order{Kind: w.o.Kinds.Subscribe, Args: args, Once: true})
}

// Subscribe puts in the job that subscribes to what happens at a store and returns
// its id. again makes new subscriptions with new secrets in the place of those that
// are there. Faults: NotFound, Erased and Denied store-closed for the store.
func (w *Webhooks) Subscribe(ctx context.Context, who strongroom.Actor, store string, again bool) (job string, err error) {
	if !strongroom.IsID("str", store) {
		return "", noStore()
	}
	err = w.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) (err error) {
		if err := tx.Allow(actionEdit, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		if err := w.o.Vault.CheckStore(&tx.Reader, store); err != nil {
			return err
		}
		job, err = w.subscribeTx(tx, store, again)
		return err
	})
	return job, err
}

// Connected puts in the job that subscribes to what happens at a store, once it was
// connected, as the product itself.
func (w *Webhooks) Connected(ctx context.Context, store string) error {
	return w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionProcess, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		_, err := w.SubscribeTx(tx, store)
		return err
	})
}

// runSubscribe makes the subscriptions of a store, each with an address and a
// secret of its own. Where it is cut off, EcartAPI may hold a subscription that is
// asked for again: both are known, and what comes twice is known as one.
func (w *Webhooks) runSubscribe(ctx context.Context, j *jobs.Job) error {
	store, again := j.Args.IDs[0], j.Args.Nums[0] == 1
	base := strings.TrimSuffix(w.o.Public(), "/")
	for _, s := range subscriptions() {
		h, secret, err := w.ask(ctx, store, s[0], s[1], again)
		if err != nil {
			return err
		}
		if h.id == "" {
			continue // it is there
		}
		name, err := w.o.Intake.Subscribe(ctx, system(), store, intake.Subscription{
			Resource: h.resource, Action: h.action, URL: base + "/v1/webhooks/" + h.id, Auth: intake.NewSecret(secret.Reveal()),
		})
		switch {
		case strongroom.IsKind(err, strongroom.Invalid), strongroom.IsKind(err, strongroom.NotFound):
			// EcartAPI knows no such thing: the others are still of use.
			err = w.settleHook(ctx, h, hookRefused, "", "not-known")
		case err != nil:
			return err
		default:
			err = w.settleHook(ctx, h, hookMade, name, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ask writes down a subscription that is about to be asked for, so that what comes
// before the answer is known. It returns none where one is there already that was
// made, unless it is to be made again.
func (w *Webhooks) ask(ctx context.Context, store, resource, action string, again bool) (h hookRow, secret seal.Secret, err error) {
	secret = seal.NewSecret(w.o.Environment.Prefix("srw"))
	err = w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) error {
		h = hookRow{}
		if err := tx.Allow(actionProcess, storeResource(store), guard.Context{}); err != nil {
			return err
		}
		if err := w.o.Vault.CheckStore(&tx.Reader, store); err != nil {
			return err
		}
		have, err := hooksOf(&tx.Reader, store)
		if err != nil {
			return err
		}
		for _, x := range have {
			if !again && x.resource == resource && x.action == action && (x.state == hookMade || x.state == hookRefused) {
				return nil
			}
		}
		x := hookRow{
			id: strongroom.NewID("whk"), store: store, resource: resource, action: action,
			state: hookAsked, sealed: []byte{}, created: db.Micros(tx.Now()),
		}
		if x.proof, err = w.proof(x, secret.Reveal()); err != nil {
			return err
		}
		tx.Note("stage", audit.Word("ask"))
		h = x
		return addHook(tx, x)
	})
	return h, secret, err
}

// settleHook writes down what became of a subscription that was asked for.
func (w *Webhooks) settleHook(ctx context.Context, h hookRow, state int, name, code string) error {
	k, err := w.key(h.store)
	if err != nil {
		return err
	}
	sealed := k.Seal(nil, w.ad("hook", h.store, h.id, ""), []byte(name))
	return w.o.Guard.Do(ctx, system(), func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionProcess, storeResource(h.store), guard.Context{}); err != nil {
			return err
		}
		if err := setHook(tx, h.id, state, sealed, code); err != nil {
			return err
		}
		if state != hookMade {
			return nil
		}
		return retireHooks(tx, h)
	})
}

// proof is the keyed hash of the secret that comes with each delivery. It binds
// the row: one that is moved or rewritten proves nothing.
func (w *Webhooks) proof(h hookRow, secret string) ([]byte, error) {
	k, err := w.key(h.store)
	if err != nil {
		return nil, err
	}
	sum := k.MAC([]byte("hook"), []byte(h.id), []byte(h.store), []byte(h.resource), []byte(h.action), []byte(secret))
	return sum[:], nil
}

// proves reports whether the header Authorization of a post holds the secret of a
// hook, compared in constant time.
func (w *Webhooks) proves(h hookRow, authorization string) bool {
	secret := authorization
	if scheme, rest, ok := strings.Cut(authorization, " "); ok && strings.EqualFold(scheme, "Bearer") {
		secret = rest
	}
	sum, err := w.proof(h, secret)
	return err == nil && secret != "" && (h.state == hookMade || h.state == hookAsked) && subtle.ConstantTimeCompare(sum, h.proof) == 1
}

func (h hookRow) view() Hook {
	states := [...]string{hookAsked: "asked", hookMade: "made", hookRetired: "retired", hookRefused: "refused"}
	out := Hook{ID: h.id, Resource: h.resource, Action: h.action, Code: h.code, Created: db.Time(h.created)}
	if h.state >= 0 && h.state < len(states) {
		out.State = states[h.state]
	}
	if h.seen > 0 {
		out.Seen = db.Time(h.seen)
	}
	return out
}
