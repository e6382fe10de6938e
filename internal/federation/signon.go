package federation

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Begun is a sign-on under way.
type Begun struct {
	// URL is where to send the browser.
	URL string
	// Cookie ties the sign-on to this browser. It is to be set HttpOnly, Secure and
	// SameSite=Lax for [FlowLife]; the answer must come back with it.
	Cookie string
	Until  time.Time // when it is over, in real time
}

// Start says how a sign-on begins.
type Start struct {
	Provider string
	Source   netip.Addr // where the browser is; personal and never recorded
	// Session, of an actor who is signed in, makes it a step-up: the person shows
	// several factors anew, now.
	Person, Session string
	// Port is where a program on the person's own machine waits for the answer on
	// loopback (RFC 8252), in the place of the pages; 0 is none.
	Port uint16
}

// Answer is what the browser brought back.
type Answer struct {
	State, Code, Issuer, Error string // of the query
	Cookie                     string
	Program                    bool // it came by the program that began, not by the pages
	Source                     netip.Addr
	Caller                     any // handed on to the opener
}

// flow is what is sealed of a sign-on under way.
type flow struct {
	Provider string    `json:"p"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Cookie   []byte    `json:"c"` // its keyed hash
	Begun    time.Time `json:"b"`
	StepUp   bool      `json:"u,omitempty"`
	Person   string    `json:"w,omitempty"`
	Session  string    `json:"s,omitempty"`
	Port     uint16    `json:"l,omitempty"`
}

// random returns 256 bits as text for a query.
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Begin begins a sign-on. Faults: NotFound for no such provider, Exhausted where
// too many are under way from one source or in all, Unavailable while the provider is away.
func (f *Federation) Begin(ctx context.Context, s Start) (Begun, error) {
	p := f.providers[s.Provider]
	if p == nil {
		return Begun{}, strongroom.Faultf(strongroom.NotFound, "provider", "there is no such provider")
	}
	d, err := p.discover(ctx)
	if err != nil {
		return Begun{}, err
	}
	now := f.o.Real.Now()
	cookie, state := random(), random()
	w := flow{
		Provider: p.Name, Nonce: random(), Verifier: oauth2.GenerateVerifier(), Cookie: f.mark("cookie", cookie), Begun: now,
		StepUp: s.Session != "", Person: s.Person, Session: s.Session, Port: s.Port,
	}
	row := flowRow{mark: f.mark("state", state), source: f.mark("source", origin(s.Source)), until: db.Micros(now.Add(FlowLife))}
	text, err := json.Marshal(w)
	if err != nil {
		return Begun{}, err
	}
	row.sealed = f.seal.Seal(nil, f.ad("federation_flow", row.mark, row.until), text)
	full := false
	err = f.o.Guard.Quiet(ctx, guard.Attempt, func(_ context.Context, tx *guard.Tx) error {
		if err := dropFlows(tx, db.Micros(now)); err != nil {
			return err
		}
		n, err := flowsFrom(&tx.Reader, row.source)
		if full = n >= maxFlows; full || err != nil {
			return err
		}
		n, err = allFlows(&tx.Reader)
		if full = n >= maxAllFlows; full || err != nil {
			return err
		}
		return insertFlow(tx, row)
	})
	if err != nil {
		return Begun{}, err
	}
	if full {
		f.o.Refused(ctx, s.Source, "sign-on-many")
		return Begun{}, strongroom.Faultf(strongroom.Exhausted, "sign-on-many", "too many sign-ons are under way").
			Advise("finish one, or wait %d minutes", int(FlowLife.Minutes()))
	}
	age := p.maxAge()
	more := []oauth2.AuthCodeOption{oidc.Nonce(w.Nonce), oauth2.S256ChallengeOption(w.Verifier)}
	if w.StepUp {
		age = 0
		more = append(more, oauth2.SetAuthURLParam("prompt", "login"))
	}
	more = append(more, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(age/time.Second))))
	if len(p.ACR) > 0 {
		more = append(more, oauth2.SetAuthURLParam("acr_values", strings.Join(p.ACR, " ")))
	}
	return Begun{URL: p.config(d).AuthCodeURL(state, more...), Cookie: cookie, Until: db.Time(row.until)}, nil
}

// origin is what sign-ons of a source are counted for: the address of IPv4, the /64
// of IPv6.
func origin(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "local"
	}
	return p.String()
}

// Finish ends a sign-on with what the browser brought back, and has the session
// opened. Whatever comes of it, the same answer is worth nothing a second time.
// Faults: Unauthenticated for an answer that proves nothing, Denied for a person
// who may not sign in.
func (f *Federation) Finish(ctx context.Context, a Answer) (Token, Entry, error) {
	w, err := f.take(ctx, a)
	if err != nil {
		return nil, Entry{}, f.stray(ctx, a, err)
	}
	p := f.providers[w.Provider]
	if p == nil {
		return nil, Entry{}, f.stray(ctx, a, over())
	}
	d, err := p.discover(ctx)
	if err != nil {
		return nil, Entry{}, err
	}
	// The answer must come from the provider the browser was sent to (RFC 9207).
	if a.Issuer != "" && a.Issuer != p.Issuer || a.Issuer == "" && d.named {
		return nil, Entry{}, f.stray(ctx, a, no("sign-on-issuer", "the answer comes from another provider"))
	}
	if a.Error != "" || a.Code == "" {
		return nil, Entry{}, f.stray(ctx, a, no("sign-on-declined", "the provider did not sign the person in"))
	}
	c, err := p.exchange(ctx, d, a.Code, w)
	if err != nil {
		return nil, Entry{}, f.failed(ctx, a, c, err)
	}
	return f.enter(ctx, a, p, w, c)
}

// take uses a sign-on up and returns it, if it was begun in this browser.
func (f *Federation) take(ctx context.Context, a Answer) (w flow, err error) {
	if len(a.State) > 64 || len(a.Cookie) > 64 {
		return w, over()
	}
	mark := f.mark("state", a.State)
	var row flowRow
	found := false
	// What was made up is not worth a turn of the writer.
	err = f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		_, err := loadFlow(r, mark)
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return w, over()
	}
	if err != nil {
		return w, err
	}
	err = f.o.Guard.Quiet(ctx, guard.Attempt, func(_ context.Context, tx *guard.Tx) error {
		var err error
		row, err = loadFlow(&tx.Reader, mark)
		if found = err == nil; !found {
			if strongroom.IsKind(err, strongroom.NotFound) {
				return nil
			}
			return err
		}
		return dropFlow(tx, mark)
	})
	if err != nil || !found {
		return w, errors.Join(err, unless(found, over()))
	}
	if w, err = f.openFlow(row); err != nil {
		return flow{}, err
	}
	if subtle.ConstantTimeCompare(f.mark("cookie", a.Cookie), w.Cookie) != 1 || a.Program != (w.Port != 0) {
		return flow{}, over()
	}
	return w, nil
}

// openFlow opens a sign-on that is under way.
func (f *Federation) openFlow(row flowRow) (w flow, err error) {
	text, err := f.seal.Open(nil, f.ad("federation_flow", row.mark, row.until), row.sealed)
	if err != nil || json.Unmarshal(text, &w) != nil || !f.o.Real.Now().Before(db.Time(row.until)) {
		return flow{}, over()
	}
	return w, nil
}

// WaitsAt returns the port of this machine's loopback on which a program waits for
// the answer of a state, 0 if none does. It uses nothing up.
func (f *Federation) WaitsAt(ctx context.Context, state string) (uint16, error) {
	if len(state) > 64 {
		return 0, nil
	}
	var row flowRow
	err := f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		row, err = loadFlow(r, f.mark("state", state))
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	w, err := f.openFlow(row)
	if err != nil {
		return 0, nil // the answer finds out
	}
	return w.Port, nil
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

func over() error {
	return no("sign-on-over", "this sign-on is over, or was begun elsewhere").Advise("begin again")
}

// enter joins the account if need be, brings the rights of groups up to date, and
// has the session opened, in one commit.
func (f *Federation) enter(ctx context.Context, a Answer, p *provider, w flow, c claims) (Token, Entry, error) {
	e := Entry{Provider: p.Name, Verified: c.shown, StepUp: w.StepUp, Session: w.Session, Caller: a.Caller}
	var token Token
	person, first, err := f.find(ctx, p, c)
	if err != nil {
		return nil, Entry{}, f.stray(ctx, a, err)
	}
	if w.StepUp && person != w.Person {
		return nil, Entry{}, f.stray(ctx, a, no("sign-on-other", "somebody else signed in at the provider"))
	}
	e.Person = person
	who := strongroom.Actor{Kind: strongroom.PersonActor, ID: person, Door: "http"}
	err = f.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(sessionFederate, account(person, who), guard.Context{}); err != nil {
			return err
		}
		if first {
			tx.Note("kinds", []audit.Term{audit.Word("first-link")})
		}
		if err := f.o.People.MaySignIn(&tx.Reader, person, tx.Now()); err != nil {
			if strongroom.IsKind(err, strongroom.Unauthenticated) {
				err = strongroom.Faultf(strongroom.Denied, "account-inactive", "the account may not sign in now").
					Advise("ask who manages accounts")
			}
			return err
		}
		if first {
			if err := f.link(tx, p, c, person); err != nil {
				return err
			}
		}
		if p.GroupsClaim != "" {
			// A list that is missing is an empty one: no right is kept because nobody spoke
			// of it.
			if err := f.settle(tx, p.Name, person, c.groups); err != nil {
				return err
			}
		}
		var err error
		token, err = f.o.Open(tx, e)
		return err
	})
	if err != nil {
		return nil, Entry{}, err
	}
	return token, e, nil
}

// find returns whose sign-on it is, and whether the account is joined with it for
// the first time.
func (f *Federation) find(ctx context.Context, p *provider, c claims) (person string, first bool, err error) {
	err = f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		row, err := loadLink(r, f.subjectMark(c))
		if err == nil {
			if subtle.ConstantTimeCompare(f.linkProof(row), row.proof) != 1 {
				return damaged("link")
			}
			person = row.person
			return nil
		}
		if !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		first = true
		if c.email == "" || !c.verified {
			return no("sign-on-email", "the provider does not say that it verified the address").
				Advise("have it verify the address and say so")
		}
		if !p.speaksFor(c.email) {
			return no("sign-on-domain", "the provider may not speak for addresses of that domain")
		}
		id, ok, err := f.o.People.ExactEmailTx(r, c.email)
		if err == nil && !ok {
			err = no("sign-on-nobody", "nobody here has that account").Advise("ask for an account first")
		}
		person = id
		return err
	})
	return person, first, err
}

func (f *Federation) subjectMark(c claims) []byte { return f.mark("subject", c.issuer, c.subject) }

func (f *Federation) linkProof(r linkRow) []byte {
	return f.mark("link row", string(r.mark), r.person, r.provider, strconv.FormatInt(r.created, 10))
}

// link joins an account at a provider to a person who has none there yet.
func (f *Federation) link(tx *guard.Tx, p *provider, c claims, person string) error {
	has, err := hasLink(&tx.Reader, person, p.Name)
	if err != nil {
		return err
	}
	if has {
		return strongroom.Faultf(strongroom.Denied, "sign-on-second", "the account is joined with another one at that provider").
			Advise("have an owner look into it")
	}
	row := linkRow{mark: f.subjectMark(c), person: person, provider: p.Name, created: db.Micros(tx.Now())}
	row.proof = f.linkProof(row)
	return insertLink(tx, row)
}

// stray counts a failure that is nobody's and returns it.
func (f *Federation) stray(ctx context.Context, a Answer, err error) error {
	if strongroom.IsKind(err, strongroom.Unauthenticated) {
		f.o.Refused(ctx, a.Source, codeOf(err))
	}
	return err
}

// failed records a failed sign-on of somebody who is known, and counts others.
func (f *Federation) failed(ctx context.Context, a Answer, c claims, cause error) error {
	if c.subject == "" {
		return f.stray(ctx, a, cause)
	}
	person := ""
	err := f.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		row, err := loadLink(r, f.subjectMark(c))
		person = row.person
		return err
	})
	if err != nil || person == "" {
		return f.stray(ctx, a, cause)
	}
	return f.o.Guard.Refused(ctx, strongroom.System("federation"), sessionFederate, account(person, strongroom.Actor{}), 0, cause)
}

func codeOf(err error) string {
	if x, ok := errors.AsType[*strongroom.Fault](err); ok {
		return x.Code
	}
	return "internal"
}
