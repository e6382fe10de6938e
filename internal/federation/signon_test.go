package federation_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/federation"
	"strongroom/internal/federation/optest"
	"strongroom/internal/people"
)

func set(k string, v any) func(map[string]any) { return func(m map[string]any) { m[k] = v } }
func unset(k string) func(map[string]any)      { return func(m map[string]any) { delete(m, k) } }

// A sign-on joins the account of the verified address the first time and knows it
// by issuer and subject from then on.
func TestSignOn(t *testing.T) {
	o := newOP(t)
	s := newSite(t, o)
	if got := s.signOn(t); got != "sign-on-nobody" {
		t.Fatalf("nobody has an account: %q", got)
	}
	jane := s.f.member(t, janeName, janeMail)
	if got := s.signOn(t); got != "" || s.entry.Person != jane.ID || s.token.Reveal() == "" || time.Since(s.entry.Verified) > time.Minute {
		t.Fatalf("%q, %+v", got, s.entry)
	}
	if got := o.Asked; got.Get("max_age") != "43200" || got.Get("scope") != "openid email" || got.Get("nonce") == "" || got.Get("acr_values") != "phr" {
		t.Errorf("asked for %v", got)
	}
	// From now on the address does not matter, only the subject.
	o.Claims = func(m map[string]any) { m["email"], m["email_verified"] = omarMail, false }
	if got := s.signOn(t); got != "" || s.entry.Person != jane.ID {
		t.Errorf("known by subject: %q", got)
	}
	// A second account there does not become hers as well.
	o.Claims = set("sub", "another")
	if got := s.signOn(t); got != "sign-on-second" {
		t.Errorf("a second subject for the same address: %q", got)
	}
	if all := s.f.disk(t); bytes.Contains(all, []byte("sub-of-jane")) || bytes.Contains(all, []byte(janeMail)) || bytes.Contains(all, []byte("203.0.113")) {
		t.Error("a subject, an address or a source is at rest in clear")
	}
}

// Only the very address joins an account: a spelling that makes no second account is
// no proof of being its holder (DPP 2.2.4).
func TestSignOnJoinsTheVeryAddress(t *testing.T) {
	for address, want := range map[string]string{
		"Jane.Ueberwasser@KITCHEN.example":   "", // planted: the same but for case
		"jane.ueberwasser+x@kitchen.example": "sign-on-nobody",
		"ｊane.ueberwasser@kitchen.example":   "sign-on-nobody", // a wide letter
		"jane.ueberwaſſer@kitchen.example":   "sign-on-nobody", // a long s, that folds to s
	} {
		o := newOP(t)
		s := newSite(t, o)
		jane := s.f.member(t, janeName, janeMail)
		o.Claims = func(m map[string]any) { m["sub"], m["email"] = "somebody-else", address }
		if got := s.signOn(t); got != want || (got == "") != (s.entry.Person == jane.ID) {
			t.Errorf("%s: %q, %+v", address, got, s.entry)
		}
	}
}

// TestObligation_2_4_7_SignOnNeedsTwoFactors: a sign-on elsewhere counts only with
// a proof of several factors that the configuration names; nothing is assumed.
func TestObligation_2_4_7_SignOnNeedsTwoFactors(t *testing.T) {
	for name, c := range map[string]struct {
		amr, acr any
		want     string
	}{
		"planted: mfa":              {[]string{"mfa"}, nil, ""},
		"planted: both methods":     {[]string{"otp", "pwd", "user"}, nil, ""},
		"planted: the class":        {nil, "phr", ""},
		"nothing is said":           {nil, nil, "sign-on-factor"},
		"an empty list":             {[]string{}, "", "sign-on-factor"},
		"a password":                {[]string{"pwd"}, nil, "sign-on-factor"},
		"one of both methods":       {[]string{"otp"}, nil, "sign-on-factor"},
		"a class nobody named":      {nil, "urn:mace:incommon:iap:silver", "sign-on-factor"},
		"the class of nothing":      {[]string{"pwd"}, "0", "sign-on-factor"},
		"in other letters":          {[]string{"MFA"}, nil, "sign-on-factor"},
		"a text instead of a list":  {"mfa", nil, "sign-on-token"},
		"a number instead of a acr": {nil, 2, "sign-on-token"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOP(t)
			s := newSite(t, o)
			s.f.member(t, janeName, janeMail)
			o.Claims = func(m map[string]any) {
				delete(m, "amr")
				if c.amr != nil {
					m["amr"] = c.amr
				}
				if c.acr != nil {
					m["acr"] = c.acr
				}
			}
			if got := s.signOn(t); got != c.want || (s.token != nil) != (c.want == "") {
				t.Errorf("%q", got)
			}
		})
	}
	// Whoever configures one method as proof of two is refused.
	o := newOP(t)
	for name, change := range map[string]func(*federation.Provider){
		"none":      func(p *federation.Provider) { p.AMR, p.ACR = nil, nil },
		"pwd":       func(p *federation.Provider) { p.AMR = [][]string{{"pwd"}} },
		"hwk":       func(p *federation.Provider) { p.AMR = [][]string{{"mfa"}, {"hwk"}} },
		"empty set": func(p *federation.Provider) { p.AMR = [][]string{{}} },
		"pwd twice": func(p *federation.Provider) { p.AMR = [][]string{{"pwd", "pwd"}} },
		"pwd kba":   func(p *federation.Provider) { p.AMR = [][]string{{"pwd", "kba", "geo"}} },
		"hwk user":  func(p *federation.Provider) { p.AMR = [][]string{{"hwk", "user"}} },
		"acr 0":     func(p *federation.Provider) { p.ACR = []string{"0"} },
	} {
		var x federation.Options
		o.at(change)(&x)
		if err := x.Providers[0].Check(strongroom.Production); code(err) != "provider" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Planted: methods of two kinds, and what the provider alone has a meaning for.
	var x federation.Options
	o.at(func(p *federation.Provider) {
		p.AMR = [][]string{{"hwk", "pin"}, {"fpt", "swk"}, {"pwd", "mfa"}, {"ngcmfa"}}
	})(&x)
	if err := x.Providers[0].Check(strongroom.Production); err != nil {
		t.Error(err)
	}
}

// Whatever is wrong with a token or an answer: nobody gets in.
func TestSignOnRefuses(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, c := range map[string]struct {
		claims func(map[string]any)
		sign   func(o *op) func(head, body map[string]any) string
		edit   func(url.Values)
		iss    string
		want   string
	}{
		"planted: all is well": {want: ""},
		"no nonce":             {claims: unset("nonce"), want: "sign-on-nonce"},
		"another nonce":        {claims: set("nonce", "x"), want: "sign-on-nonce"},
		"another audience":     {claims: set("aud", "somebody"), want: "sign-on-token"},
		"two audiences":        {claims: set("aud", []string{clientID, "somebody"}), want: "sign-on-audience"},
		"another party":        {claims: set("azp", "somebody"), want: "sign-on-audience"},
		"another issuer":       {claims: set("iss", "https://evil.example"), want: "sign-on-token"},
		"expired":              {claims: set("exp", now.Add(-time.Second).Unix()), want: "sign-on-token"},
		"from the future":      {claims: set("iat", now.Add(time.Hour).Unix()), want: "sign-on-time"},
		"not yet valid":        {claims: set("nbf", now.Add(time.Hour).Unix()), want: "sign-on-token"},
		"no auth_time":         {claims: unset("auth_time"), want: "sign-on-time"},
		"signed in long ago":   {claims: set("auth_time", now.Add(-13*time.Hour).Unix()), want: "sign-on-old"},
		"signed in tomorrow":   {claims: set("auth_time", now.Add(time.Hour).Unix()), want: "sign-on-old"},
		"no subject":           {claims: unset("sub"), want: "sign-on-token"},
		"unverified address":   {claims: set("email_verified", false), want: "sign-on-email"},
		"nothing of verified":  {claims: unset("email_verified"), want: "sign-on-email"},
		"no address":           {claims: unset("email"), want: "sign-on-email"},
		"an address elsewhere": {claims: set("email", "jane@kitchen.example.evil"), want: "sign-on-domain"},
		"alg none": {sign: func(*op) func(head, body map[string]any) string {
			return func(head, body map[string]any) string { head["alg"] = "none"; return optest.Unsigned(head, body) + "." }
		}, want: "sign-on-token"},
		"signed with the client secret": {sign: func(*op) func(head, body map[string]any) string {
			return func(head, body map[string]any) string { return hs256(clientSecret, head, body) }
		}, want: "sign-on-token"},
		"another key": {sign: func(*op) func(head, body map[string]any) string {
			return func(head, body map[string]any) string { return optest.Signed(stranger, head, body) }
		}, want: "sign-on-token"},
		"no signature": {sign: func(*op) func(head, body map[string]any) string {
			return func(head, body map[string]any) string { return optest.Unsigned(head, body) + "." }
		}, want: "sign-on-token"},
		"a changed claim": {sign: func(o *op) func(head, body map[string]any) string {
			return func(head, body map[string]any) string {
				p := strings.Split(optest.Signed(o.Key, head, body), ".")
				raw, _ := base64.RawURLEncoding.DecodeString(p[1])
				return p[0] + "." + b64(bytes.Replace(raw, []byte("sub-of-jane"), []byte("sub-of-omar"), 1)) + "." + p[2]
			}
		}, want: "sign-on-token"},
		"no token": {sign: func(*op) func(head, body map[string]any) string {
			return func(_, _ map[string]any) string { return "" }
		}, want: "sign-on-token"},
		"mixed-up issuer":         {iss: "https://evil.example", want: "sign-on-issuer"},
		"no issuer in the answer": {iss: "-", want: "sign-on-issuer"},
		"another state":           {edit: func(q url.Values) { q.Set("state", "x") }, want: "sign-on-over"},
		"no state":                {edit: func(q url.Values) { q.Del("state") }, want: "sign-on-over"},
		"another code":            {edit: func(q url.Values) { q.Set("code", "x") }, want: "sign-on-code"},
		"no code":                 {edit: func(q url.Values) { q.Del("code") }, want: "sign-on-declined"},
		"declined":                {edit: func(q url.Values) { q.Set("error", "access_denied") }, want: "sign-on-declined"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOP(t)
			s := newSite(t, o)
			s.f.member(t, janeName, janeMail)
			if c.claims != nil {
				o.Claims = c.claims
			}
			if c.sign != nil {
				o.Sign = c.sign(o)
			}
			if c.edit != nil {
				s.edit = c.edit
			}
			o.Iss = c.iss
			if got := s.signOn(t); got != c.want || (s.token != nil) != (c.want == "") {
				t.Errorf("%q", got)
			}
			if c.want != "" && s.f.lastRefused() != c.want {
				t.Errorf("counted as %q", s.f.lastRefused())
			}
		})
	}
}

// A state is good once and in one browser, whatever comes of it.
func TestStateIsGoodOnce(t *testing.T) {
	o := newOP(t)
	s := newSite(t, o)
	s.f.member(t, janeName, janeMail)
	if got := s.signOn(t); got != "" {
		t.Fatal(got)
	}
	calls := o.Calls
	if got := s.visit(t, s.browser, s.URL+s.last); got != "sign-on-over" || o.Calls != calls {
		t.Errorf("replayed: %q", got)
	}
	// Somebody else's browser brings the answer: the code of an attacker, or of a victim.
	halt := *s.browser
	halt.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.Contains(r.URL.Path, "callback") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	res, err := halt.Get(s.URL + "/start")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	back := res.Header.Get("Location")
	if got := s.visit(t, s.newBrowser(t), back); got != "sign-on-over" {
		t.Errorf("in another browser: %q", got)
	}
	if got := s.visit(t, s.browser, back); got != "sign-on-over" {
		t.Errorf("a state that was tried elsewhere: %q", got)
	}
	// Too late.
	res, err = halt.Get(s.URL + "/start")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	s.f.real.SetOffset(federation.FlowLife)
	if got := s.visit(t, s.browser, res.Header.Get("Location")); got != "sign-on-over" {
		t.Errorf("after its time: %q", got)
	}
}

// After a reset the link is made anew: somebody else's does not outlive it.
func TestResetForgetsTheLink(t *testing.T) {
	o := newOP(t)
	s := newSite(t, o)
	jane := s.f.member(t, janeName, janeMail)
	o.Claims = set("sub", "of-an-intruder")
	if got := s.signOn(t); got != "" {
		t.Fatal(got)
	}
	if _, err := s.f.people.Reset(t.Context(), s.f.boss(), jane.ID); err != nil {
		t.Fatal(err)
	}
	s.f.enrol(t, jane.ID)
	o.Claims = set("email", omarMail)
	if got := s.signOn(t); got != "sign-on-nobody" { // the subject alone is worth nothing again
		t.Errorf("by the subject from before: %q", got)
	}
	o.Claims = func(map[string]any) {}
	if got := s.signOn(t); got != "" {
		t.Errorf("joined anew: %q", got)
	}
}

// The second factor of a step-up is shown after it began, by the same person.
func TestStepUp(t *testing.T) {
	o := newOP(t)
	s := newSite(t, o)
	jane := s.f.member(t, janeName, janeMail)
	if got := s.signOn(t); got != "" {
		t.Fatal(got)
	}
	s.start.Person, s.start.Session = jane.ID, strongroom.NewID("ses")
	if got := s.signOn(t); got != "" || !s.entry.StepUp || s.entry.Session != s.start.Session {
		t.Fatalf("%q %+v", got, s.entry)
	}
	if o.Asked.Get("max_age") != "0" || o.Asked.Get("prompt") != "login" {
		t.Errorf("asked for %v", o.Asked)
	}
	o.Claims = set("auth_time", time.Now().Add(-5*time.Minute).Unix())
	if got := s.signOn(t); got != "sign-on-old" {
		t.Errorf("an old sign-in as a step-up: %q", got)
	}
	o.Claims = func(map[string]any) {}
	s.start.Person = s.f.member(t, omarName, omarMail).ID
	if got := s.signOn(t); got != "sign-on-other" {
		t.Errorf("somebody else's step-up: %q", got)
	}
}

// TestObligation_2_2_12_LeaversDoNotSignOn: who is suspended, has left or is past
// the last day does not come in by a provider that still knows them.
func TestObligation_2_2_12_LeaversDoNotSignOn(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(f *fixture, id string) error
		want string
	}{
		"planted: nothing happened": {func(*fixture, string) error { return nil }, ""},
		"suspended": {func(f *fixture, id string) error {
			return f.people.Suspend(context.Background(), f.boss(), id, people.Incident)
		}, "account-inactive"},
		"ended": {func(f *fixture, id string) error {
			return f.people.End(context.Background(), f.boss(), id, people.Cause{Kind: people.ByHand})
		}, "sign-on-nobody"},
		"past the last day": {func(f *fixture, id string) error {
			last := f.clock.Now().Add(time.Hour)
			_, err := f.people.Update(context.Background(), f.boss(), id, people.Change{Ends: &last})
			f.clock.SetOffset(2 * time.Hour)
			return err
		}, "account-inactive"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOP(t)
			s := newSite(t, o)
			jane := s.f.member(t, janeName, janeMail)
			if got := s.signOn(t); got != "" {
				t.Fatal(got)
			}
			if err := c.end(s.f, jane.ID); err != nil {
				t.Fatal(err)
			}
			if got := s.signOn(t); got != c.want {
				t.Errorf("%q", got)
			}
		})
	}
}

// A failure of somebody who is known is an event of the log.
func TestFailureOfTheKnownIsRecorded(t *testing.T) {
	o := newOP(t)
	s := newSite(t, o)
	jane := s.f.member(t, janeName, janeMail)
	if got := s.signOn(t); got != "" {
		t.Fatal(got)
	}
	o.Claims = unset("amr")
	if got := s.signOn(t); got != "sign-on-factor" {
		t.Fatal(got)
	}
	found := false
	for _, e := range s.f.events(t) {
		found = found || e.Action.Name == "session.federate" && e.Code == "sign-on-factor" && e.Resource.ID == jane.ID
	}
	if !found {
		t.Error("the log does not hold the refusal")
	}
}

// Groups a provider lists give what mappings say, and no more.
func TestGroupsOfAProvider(t *testing.T) {
	o := newOP(t)
	decided := strongroom.NewID("req")
	maps := func(x *federation.Options) {
		x.Providers[0].GroupsClaim = "groups"
		x.Mappings = []federation.Mapping{
			{Source: "company", Group: "Strongroom operators", Role: "operator", AllStores: true, Case: decided},
			{Source: "company", Group: "Strongroom privacy", Role: "privacy", AllStores: true},
			{Source: "company", Group: "Strongroom owners", Role: "owner", AllStores: true, Case: strongroom.NewID("req")},
		}
	}
	s := newSite(t, o, maps)
	s.f.rights.cases[decided] = "operator"
	jane := s.f.member(t, janeName, janeMail)
	o.Claims = set("groups", []string{"Everyone", "Strongroom operators", "Strongroom privacy", "Strongroom owners", "strongroom OWNERS"})
	if got := s.signOn(t); got != "" {
		t.Fatal(got)
	}
	has, asked := s.f.rights.state()
	if len(has) != 1 || has[0] != (held{jane.ID, "operator", "Strongroom operators"}) {
		t.Errorf("holds %v", has)
	}
	if len(asked) != 2 { // privacy has no case, owner one that nobody approved
		t.Errorf("asked for %v", asked)
	}
	// Planted: a group nobody mapped, and a claim that went missing, give nothing.
	o.Claims = set("groups", []string{"Everyone", "Domain Admins"})
	if got := s.signOn(t); got != "" {
		t.Fatal(got)
	}
	if has, asked = s.f.rights.state(); len(has)+len(asked) > 0 {
		t.Errorf("kept without the group: %v %v", has, asked)
	}
	for name, m := range map[string]federation.Mapping{
		"no such source": {Source: "elsewhere", Group: "g", Role: "operator", AllStores: true},
		"no such role":   {Source: "scim", Group: "g", Role: "root", AllStores: true},
		"the system":     {Source: "scim", Group: "g", Role: "system", AllStores: true},
		"no group":       {Source: "scim", Role: "operator", AllStores: true},
		"no stores":      {Source: "scim", Group: "g", Role: "operator"},
		"a made-up case": {Source: "scim", Group: "g", Role: "operator", AllStores: true, Case: "we talked about it"},
	} {
		x := s.f.opts
		x.Mappings = []federation.Mapping{m}
		if _, err := federation.New(x); code(err) != "mapping" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a provider says of itself is believed within bounds.
func TestDiscoveryIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		says map[string]any
		want string
	}{
		"planted: nothing else":  {nil, ""},
		"another issuer":         {map[string]any{"issuer": "https://evil.example"}, "provider-away"},
		"plain token endpoint":   {map[string]any{"token_endpoint": "http://evil.example/token"}, "provider-away"},
		"plain keys":             {map[string]any{"jwks_uri": "http://evil.example/keys"}, "provider-away"},
		"no S256":                {map[string]any{"code_challenge_methods_supported": []string{"plain"}}, "provider-pkce"},
		"an answer without end":  {map[string]any{"x": strings.Repeat("x", 2<<20)}, "provider-away"},
		"an entry that is none":  {map[string]any{"authorization_endpoint": 7}, "provider-away"},
		"a script for the entry": {map[string]any{"authorization_endpoint": "javascript:alert(1)"}, "provider-away"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOP(t)
			s := newSite(t, o)
			o.Says = c.says
			if _, err := s.f.Begin(t.Context(), s.start); code(err) != c.want {
				t.Errorf("%v", err)
			}
		})
	}
	o := newOP(t)
	s := newSite(t, o)
	if _, err := s.f.Begin(t.Context(), federation.Start{Provider: "elsewhere"}); code(err) != "provider" {
		t.Errorf("an unknown provider: %v", err)
	}
	for range 32 {
		if _, err := s.f.Begin(t.Context(), s.start); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.f.Begin(t.Context(), s.start); code(err) != "sign-on-many" {
		t.Errorf("the 33rd from one source: %v", err)
	}
}

// A link that was moved to another person opens nothing.
func TestMovedLink(t *testing.T) {
	o := newOP(t)
	s := newSite(t, o)
	s.f.member(t, janeName, janeMail)
	omar := s.f.member(t, omarName, omarMail)
	if got := s.signOn(t); got != "" {
		t.Fatal(got)
	}
	spoil(t, s.f, func(tx *db.Tx) error { _, err := tx.Exec(spoilLink, omar.ID); return err })
	if got := s.signOn(t); got != "federation-sealed" || s.token != nil {
		t.Errorf("%q", got)
	}
}
