package app

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/device"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/people"
	"strongroom/internal/session"
)

// TestObligation_2_2_12_EachHookOfALeaver: somebody with every way in there is leaves.
// With all hooks a probe finds nothing open. Each hook in turn is left out, which is
// planted: then it finds what that hook ends, or there is no proof at all.
func TestObligation_2_2_12_EachHookOfALeaver(t *testing.T) {
	h := openHouse(t, Config{})
	a := h.App
	left := [][]string{{"session"}, {"grant", "request"}, {"key"}, {"device"}, nil}
	if hooks := a.leaverHooks(); len(hooks) != len(left) {
		t.Fatalf("%d hooks and %d rows: write down what the new one leaves open", len(hooks), len(left))
	}
	for without := -1; without < len(left); without++ {
		t.Run(fmt.Sprintf("without %d", without), func(t *testing.T) {
			h.t = t
			person := h.settle(without)
			o := a.peopleOptions()
			want := []string(nil)
			if without >= 0 {
				o.Ended, want = slices.Delete(o.Ended, without, without+1), left[without]
			}
			if err := people.New(o).End(t.Context(), everything(), person, people.Cause{Kind: people.ByHand}); err != nil {
				t.Fatal(err)
			}
			proof, err := a.federation.Probe(t.Context(), everything(), person)
			if without == len(left)-1 { // nobody is told that a proof is due
				if !strongroom.IsKind(err, strongroom.NotFound) {
					t.Errorf("%+v, %v", proof, err)
				}
				return
			}
			if err != nil || !slices.Equal(proof.Open, want) || proof.Refused() != (want == nil) {
				t.Errorf("open are %v, %v; want %v", proof.Open, err, want)
			}
		})
	}
}

// house settles people.
type house struct {
	*App
	t *testing.T
}

// openHouse makes a test instance with a configuration and opens it until the test ends.
func openHouse(t *testing.T, c Config) house {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	c.Environment, c.TLS = strongroom.Test, "off"
	if _, err := Init(t.Context(), dir, c, FirstOwner{}, nil); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return house{a, t}
}

func everything() strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.ServiceActor, ID: strongroom.NewID("svc"), Roles: []string{authz.TestEverything}, AllStores: true, Door: "http"}
}

func (h house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// settle makes somebody who can sign in and has a session, a role, a request that
// waits, a service and a device.
func (h house) settle(n int) string {
	h.t.Helper()
	ctx, boss := h.t.Context(), everything()
	q, err := h.access.Ask(ctx, boss, access.Spec{Kind: access.Account, Reason: "joins the desk", Roles: []string{authz.Operator}, AllStores: true,
		Person: people.Spec{Name: "Jane Doe", Email: fmt.Sprintf("jane.d%d@example.com", n+1), Employment: people.Employee}})
	h.must(err)
	q, err = h.access.Approve(ctx, everything(), q.ID, "")
	h.must(err)
	id := q.Spec.Subject
	h.enrol(id)
	who := signedIn(id)
	h.must(h.enter(id))
	_, err = h.access.Ask(ctx, who, access.Spec{Kind: access.Role, Reason: "reads the log", Subject: id, Roles: []string{authz.Auditor}, AllStores: true})
	h.must(err)
	k, _, err := h.identity.CreateKey(ctx, boss, identity.KeySpec{Label: "labels", Roles: []string{authz.Application}, AllStores: true})
	h.must(err)
	_, err = h.identity.Adopt(ctx, boss, k.ID, identity.Adoption{Owner: id, Purpose: "labels"})
	h.must(err)
	_, _, err = h.devices.Add(ctx, boss, device.Spec{Label: "L-0042", Kind: "laptop", Owner: id, Posture: device.Managed})
	h.must(err)
	return id
}

// signedIn is a person as the door knows who has a session.
func signedIn(id string) strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: id, Door: "http", AllStores: true,
		Standing: strongroom.Standing{Trained: true, Pledged: true, Verified: time.Now()}}
}

// enter opens a session for a person.
func (h house) enter(id string) error {
	return h.guard.Do(h.t.Context(), signedIn(id), func(_ context.Context, tx *guard.Tx) error {
		_, err := h.sessions.EnterTx(tx, session.Entry{Person: id, Verified: time.Now(), Caller: session.Caller{Agent: "curl"}})
		return err
	})
}

func (h house) enrol(id string) {
	h.t.Helper()
	ctx := h.t.Context()
	link, err := h.people.Invite(ctx, everything(), id)
	h.must(err)
	e, err := h.people.Enrol(ctx, link.Token.Reveal(), "http")
	h.must(err)
	who, err := h.people.Enrolling(ctx, e.Token.Reveal(), "http")
	h.must(err)
	h.must(h.people.SetPassword(ctx, who, nil, []byte("Grau-7-Nebel-Ufer!")))
	secret, _, err := h.people.AddTOTP(ctx, who)
	h.must(err)
	code, err := totp.GenerateCode(strings.ReplaceAll(secret.Text().Reveal(), " ", ""), time.Now())
	h.must(err)
	h.must(h.people.ConfirmTOTP(ctx, who, code))
	_, err = h.people.Complete(ctx, who)
	h.must(err)
}
