package access

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// MaxRules is how many network rules there are at most.
const MaxRules = 1000

// Listener is a door of the instance that takes connections from a network.
type Listener string

// The listeners.
const (
	APIListener     Listener = "api"
	ConsoleListener Listener = "console"
	SCIMListener    Listener = "scim"
)

// Listeners lists the doors a rule can be about.
func Listeners() []Listener { return []Listener{APIListener, ConsoleListener, SCIMListener} }

// Rule says where callers may come from, or may not (DPP 2.1.2). A denial wins.
// Where there are rules that allow, for a listener or for a principal, an address
// must be in one of them; for each of the two that has some.
type Rule struct {
	ID        string       // "net_…"; given by the product
	Listener  Listener     // empty is each
	Principal string       // a person's or service's id; empty is everybody
	Deny      bool         // else it allows
	Network   netip.Prefix // sealed: it may be somebody's home
	Made      time.Time
}

// ruleSet is the rules as they were read.
type ruleSet struct {
	rules  []Rule
	broken bool      // they do not open: everybody is refused
	loaded time.Time // real time
}

// keptRules remembers the rules for a while.
type keptRules struct {
	mu   sync.Mutex
	set  *ruleSet
	turn uint64 // counts changes, so that a reading that began before one is not kept
}

func (k *keptRules) get() (*ruleSet, uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.set, k.turn
}

func (k *keptRules) keep(set *ruleSet, turn uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turn == turn {
		k.set = set
	}
}

func (k *keptRules) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set = nil
	k.turn++
}

// Networks lists the rules.
func (a *Access) Networks(ctx context.Context, who strongroom.Actor) (out []Rule, err error) {
	err = a.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(networkList, strongroom.Resource{Type: "Network", ID: "instance"}, guard.Context{}); err != nil {
			return err
		}
		set, err := a.readRules(&v.Reader)
		if err != nil {
			return err
		}
		if set.broken {
			return brokenRules()
		}
		out = set.rules
		return nil
	})
	return out, err
}

// ChangeNetworks adds rules and removes others by id, in one commit. It is refused
// with Conflict where the rules would then shut out who changes them. Rules that do
// not open are replaced by those that are added.
func (a *Access) ChangeNetworks(ctx context.Context, who strongroom.Actor, add []Rule, remove []string) ([]Rule, error) {
	wrong := checkRules(add, remove)
	made := slices.Clone(add)
	err := a.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := a.allowed(tx, networkEdit, strongroom.Resource{Type: "Network", ID: "instance"}, wrong); err != nil {
			return err
		}
		tx.Note("count", len(add))
		tx.Note("dead", len(remove))
		set, err := a.readRules(&tx.Reader)
		if err != nil {
			return err
		}
		for _, id := range remove {
			i := slices.IndexFunc(set.rules, func(r Rule) bool { return r.ID == id })
			if i < 0 && !set.broken {
				return noRule()
			}
			if i >= 0 {
				set.rules = slices.Delete(set.rules, i, i+1)
			}
		}
		for i := range made {
			made[i].ID, made[i].Made, made[i].Network = strongroom.NewID("net"), tx.Now(), made[i].Network.Masked()
		}
		set.rules = append(set.rules, made...)
		if len(set.rules) > MaxRules {
			return strongroom.Faultf(strongroom.Exhausted, "networks", "there are at most %d rules", MaxRules)
		}
		if from := who.Standing.Source; from.IsValid() {
			for _, l := range Listeners() {
				if !set.allows(l, who.ID, from) {
					return strongroom.Faultf(strongroom.Conflict, "network-lockout", "under these rules you could not come back").
						Advise("allow the network you call from")
				}
			}
		}
		row, err := a.sealRules(set.rules, tx.Now())
		if err != nil {
			return err
		}
		tx.AfterCommit(a.rules.forget)
		return putNetworks(tx, row)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func noRule() error {
	return strongroom.Faultf(strongroom.NotFound, "network", "there is no such rule")
}

func checkRules(add []Rule, remove []string) error {
	if len(add)+len(remove) == 0 || len(add) > MaxRules || len(remove) > MaxRules {
		return strongroom.Faultf(strongroom.Invalid, "networks", "a change adds or removes 1 to %d rules", MaxRules)
	}
	for _, r := range add {
		if r.Listener != "" && !slices.Contains(Listeners(), r.Listener) {
			return strongroom.Faultf(strongroom.Invalid, "listener", "a listener is one of %v", Listeners())
		}
		if r.Principal != "" && !strongroom.IsID("usr", r.Principal) && !strongroom.IsID("svc", r.Principal) {
			return strongroom.Faultf(strongroom.Invalid, "principal", "a principal is a person or a service, by id")
		}
		if !r.Network.IsValid() || r.Network.Addr().Is4In6() {
			return strongroom.Faultf(strongroom.Invalid, "networks", "a network is an address, a slash and the length of the prefix")
		}
	}
	for _, id := range remove {
		if !strongroom.IsID("net", id) {
			return noRule()
		}
	}
	return nil
}

// AllowSource returns nil if a call of principal may come to a listener from an
// address. Before anybody is known principal is empty and the rules for everybody
// count; after that, call it again with the principal. The fault is Denied with
// code "network"; the refusal is told to [Options.Refused]. An address that is not
// known is in no network. Rules that do not open refuse everybody.
func (a *Access) AllowSource(ctx context.Context, l Listener, principal string, source netip.Addr) error {
	set, err := a.current(ctx)
	if err != nil {
		return err
	}
	if set.broken {
		return brokenRules()
	}
	if set.allows(l, principal, source) {
		return nil
	}
	a.o.Refused(ctx, source, "network")
	return strongroom.Faultf(strongroom.Denied, "network", "calls from there are refused")
}

func brokenRules() error {
	return strongroom.Faultf(strongroom.Internal, "network-sealed", "the network rules do not open").
		Advise("their row was changed, or the keyring is another's")
}

// allows judges an address. The rules for everybody and those for the principal
// are two lists, and both must let it pass.
func (s *ruleSet) allows(l Listener, principal string, source netip.Addr) bool {
	source = source.Unmap().WithZone("")
	type list struct{ any, in bool }
	var all, own list
	for _, r := range s.rules {
		if r.Listener != "" && r.Listener != l || r.Principal != "" && r.Principal != principal {
			continue
		}
		in := source.IsValid() && r.Network.Contains(source)
		if r.Deny {
			if in || !source.IsValid() {
				return false
			}
			continue
		}
		of := &all
		if r.Principal != "" {
			of = &own
		}
		of.any, of.in = true, of.in || in
	}
	return (!all.any || all.in) && (!own.any || own.in)
}

// current returns the rules, read at most [Options.Recheck] ago.
func (a *Access) current(ctx context.Context) (*ruleSet, error) {
	old, turn := a.rules.get()
	now := a.real.Now()
	if old != nil && now.Sub(old.loaded) <= a.o.Recheck {
		return old, nil
	}
	var set *ruleSet
	err := a.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		set, err = a.readRules(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	set.loaded = now
	a.rules.keep(set, turn)
	return set, nil
}

func (a *Access) readRules(r *db.Reader) (*ruleSet, error) {
	row, err := loadNetworks(r)
	if err != nil || row.made == 0 {
		return &ruleSet{}, err
	}
	set := &ruleSet{}
	text, err := a.seal.Open(nil, a.bindRules(row.made), row.sealed)
	if err == nil {
		err = json.Unmarshal(text, &set.rules)
	}
	if err != nil {
		return &ruleSet{broken: true}, nil
	}
	return set, nil
}

func (a *Access) bindRules(made int64) []byte {
	return seal.AD("access_network", string(a.o.Environment), made)
}

func (a *Access) sealRules(rules []Rule, now time.Time) (networkRow, error) {
	row := networkRow{made: db.MicrosOrZero(now)}
	text, err := json.Marshal(rules)
	if err != nil {
		return row, err
	}
	row.sealed = a.seal.Seal(nil, a.bindRules(row.made), text)
	return row, nil
}

// NetworkFinding says how the rules stand for the doctor: fail where a production
// instance lets a listener be called from everywhere (DPP 2.1.2).
type NetworkFinding struct {
	Rules int
	Open  []Listener // those that no rule for everybody narrows down
	Fail  bool
}

// NetworkFinding looks at the rules. It names no network.
func (a *Access) NetworkFinding(ctx context.Context) (f NetworkFinding, err error) {
	set, err := a.current(ctx)
	if err != nil {
		return f, err
	}
	f.Rules = len(set.rules)
	for _, l := range Listeners() {
		narrow := func(r Rule) bool {
			return !r.Deny && r.Principal == "" && (r.Listener == "" || r.Listener == l) && r.Network.Bits() > 0
		}
		if !slices.ContainsFunc(set.rules, narrow) {
			f.Open = append(f.Open, l)
		}
	}
	f.Fail = set.broken || a.o.Environment == strongroom.Production && len(f.Open) > 0
	return f, nil
}
