package access_test

import (
	"net/netip"
	"testing"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/authz"
	"strongroom/internal/db"
)

const editRules = `update access_network set made_at = made_at + 1`

func netipAny() netip.Addr { return netip.Addr{} }

func allow(l access.Listener, principal, network string) access.Rule {
	return access.Rule{Listener: l, Principal: principal, Network: netip.MustParsePrefix(network)}
}

func deny(l access.Listener, principal, network string) access.Rule {
	x := allow(l, principal, network)
	x.Deny = true
	return x
}

// Lists of networks keep unlisted addresses out; a denial wins (DPP 2.1.2).
func TestObligation_2_1_2_Networks(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.someone([]string{authz.Owner})
	svc, other := strongroom.NewID("svc"), strongroom.NewID("svc")
	finding := func() access.NetworkFinding {
		t.Helper()
		f, err := r.NetworkFinding(t.Context())
		r.must(err)
		return f
	}
	if f := finding(); !f.Fail || len(f.Open) != 3 {
		t.Errorf("no list in production: %+v", f)
	}
	if err := r.AllowSource(t.Context(), access.APIListener, "", netip.MustParseAddr("203.0.113.9")); err != nil {
		t.Errorf("without a rule: %v", err)
	}
	_, err := r.ChangeNetworks(t.Context(), owner, []access.Rule{
		allow("", "", "192.0.2.0/24"), allow(access.APIListener, "", "198.51.100.0/24"), allow("", "", "2001:db8::/32"),
		deny("", "", "192.0.2.66/32"), allow("", svc, "192.0.2.16/28"), deny(access.ConsoleListener, svc, "0.0.0.0/0"),
	}, nil)
	r.must(err)
	if f := finding(); f.Fail || len(f.Open) != 0 || f.Rules != 6 {
		t.Errorf("with a list: %+v", f)
	}
	for _, c := range []struct {
		listener  access.Listener
		principal string
		from      string
		want      bool
	}{
		{access.APIListener, "", "192.0.2.1", true},
		{access.APIListener, "", "::ffff:192.0.2.1", true},
		{access.APIListener, "", "198.51.100.7", true},
		{access.ConsoleListener, "", "198.51.100.7", false}, // of another listener
		{access.APIListener, "", "203.0.113.9", false},
		{access.APIListener, "", "2001:db8::1", true},
		{access.APIListener, "", "2001:db9::1", false},
		{access.APIListener, "", "192.0.2.66", false}, // denied though allowed
		{access.APIListener, svc, "192.0.2.17", true},
		{access.APIListener, svc, "192.0.2.1", false}, // the own list is narrower
		{access.APIListener, other, "192.0.2.1", true},
		{access.ConsoleListener, svc, "192.0.2.17", false},
		{access.APIListener, "", "", false}, // nowhere
	} {
		var from netip.Addr
		if c.from != "" {
			from = netip.MustParseAddr(c.from)
		}
		before := len(r.refused)
		err := r.AllowSource(t.Context(), c.listener, c.principal, from)
		if c.want != (err == nil) || !c.want && len(r.refused) != before+1 {
			t.Errorf("%+v: %v, %d told", c, err, len(r.refused)-before)
		}
		if err != nil {
			want(t, c.from, err, strongroom.Denied, "network")
		}
	}
}

func TestNetworksChange(t *testing.T) {
	r := enter(t, strongroom.Production)
	owner := r.someone([]string{authz.Owner})
	owner.Standing.Source = netip.MustParseAddr("192.0.2.1")
	change := func(who strongroom.Actor, add []access.Rule, remove ...string) ([]access.Rule, error) {
		return r.ChangeNetworks(t.Context(), who, add, remove)
	}
	_, err := change(owner, []access.Rule{allow("", "", "198.51.100.0/24")})
	want(t, "who would lock themselves out", err, strongroom.Conflict, "network-lockout")
	_, err = change(r.someone([]string{authz.Privacy}), []access.Rule{allow("", "", "198.51.100.0/24")})
	want(t, "who may not", err, strongroom.Denied, "")
	for name, x := range map[string]access.Rule{
		"no network":  {},
		"a listener":  {Listener: "ftp", Network: netip.MustParsePrefix("192.0.2.0/24")},
		"a principal": allow("", "jane.doe@example.com", "192.0.2.0/24"),
	} {
		_, err := change(owner, []access.Rule{x})
		want(t, name, err, strongroom.Invalid, "")
	}
	_, err = change(owner, nil)
	want(t, "nothing", err, strongroom.Invalid, "networks")
	_, err = change(owner, nil, strongroom.NewID("net"))
	want(t, "no such rule", err, strongroom.NotFound, "network")
	made, err := change(owner, []access.Rule{allow("", "", "192.0.2.7/24")})
	if err != nil || made[0].Network.String() != "192.0.2.0/24" || made[0].ID == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	far := netip.MustParseAddr("203.0.113.9")
	if r.AllowSource(t.Context(), access.APIListener, "", far) == nil {
		t.Error("a rule does not count at once")
	}
	if _, err := change(onTheSpot(), nil, made[0].ID); err != nil {
		t.Error(err)
	}
	if err := r.AllowSource(t.Context(), access.APIListener, "", far); err != nil {
		t.Errorf("a rule that is gone counts: %v", err)
	}
	// Planted: rules that somebody edited let nobody in, and the OS user mends them.
	_, err = change(owner, []access.Rule{allow("", "", "192.0.2.0/24")})
	r.must(err)
	r.exec(func(tx *db.Tx) error { _, err := tx.Exec(editRules); return err })
	again := access.New(r.opts)
	if err := again.AllowSource(t.Context(), access.APIListener, "", netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Error("edited rules are taken")
	}
	if f, err := again.NetworkFinding(t.Context()); err != nil || !f.Fail {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := again.ChangeNetworks(t.Context(), onTheSpot(), []access.Rule{allow("", "", "192.0.2.0/24")}, nil); err != nil {
		t.Error(err)
	}
	if err := again.AllowSource(t.Context(), access.APIListener, "", netip.MustParseAddr("192.0.2.1")); err != nil {
		t.Error(err)
	}
	if list, err := again.Networks(t.Context(), r.someone([]string{authz.Auditor})); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}
