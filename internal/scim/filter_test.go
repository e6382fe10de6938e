package scim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/federation"
	"strongroom/internal/scim"
)

func mira() federation.User {
	return federation.User{
		ID: "scu_1", UserName: "Mira@kitchen.example", ExternalID: "aB1", Given: "Mira", Family: "Okonkwo", DisplayName: "Mira O.", Active: true,
		Emails: []federation.Email{
			{Value: "mira@kitchen.example", Type: "work", Primary: true}, {Value: "mira@home.example", Type: "home"},
		},
		Created: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Modified: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
	}
}

func code(err error) string {
	if x, ok := errors.AsType[*strongroom.Fault](err); ok {
		return x.Code
	}
	if err != nil {
		return "internal"
	}
	return ""
}

func TestFilter(t *testing.T) {
	for text, want := range map[string]bool{
		`userName eq "mira@KITCHEN.example"`:          true,
		`USERNAME EQ "mira@kitchen.example"`:          true,
		`userName eq "mira"`:                          false,
		`externalId eq "aB1"`:                         true,
		`externalId eq "ab1"`:                         false,
		`id eq "scu_1"`:                               true,
		`userName sw "mira"`:                          true,
		`userName co "KITCHEN"`:                       true,
		`userName ew ".example"`:                      true,
		`userName ne "x"`:                             true,
		`emails eq "mira@home.example"`:               true,
		`emails.value eq "MIRA@home.example"`:         true,
		`emails.value ne "mira@home.example"`:         false,
		`emails[type eq "work"]`:                      true,
		`emails[type eq "work" and value co "home"]`:  false,
		`emails[type eq "home" and value co "home"]`:  true,
		`emails[primary eq true and value sw "mira"]`: true,
		`active eq true`:                              true,
		`active eq "True"`:                            true,
		`active eq false`:                             false,
		`active ne true`:                              false,
		`displayName pr`:                              true,
		`userType pr`:                                 false,
		`title pr`:                                    false,
		`name.familyName eq "okonkwo"`:                true,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "m"`: true,
		`meta.lastModified gt "2026-03-01T12:00:00Z"`:                true,
		`meta.created ge "2026-03-01T00:00:00.000Z"`:                 true,
		`meta.lastModified lt "2026-03-01T12:00:00Z"`:                false,
		`userName eq "x" or active eq true`:                          true,
		`userName eq "x" and active eq true or displayName pr`:       true,
		`userName eq "x" and (active eq true or displayName pr)`:     false,
		`not (userName eq "x")`:                                      true,
		`not (userName eq "x") and active eq true`:                   true,
		`userName eq null`:                                           false,
		`userName eq "a\"b"`:                                         false,
		`  ( ( userName   sw "m" ) )  `:                              true,
		`userName gt 7`:                                              false,
		`name.givenName eq "Mira" and name.familyName eq "Okonkwo" and emails[type eq "work"]`: true,
	} {
		if got, err := scim.Matches(text, mira()); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		``, ` `, `userName`, `userName eq`, `eq "x"`, `userName eq "x`, `userName is "x"`, `userName eq "x" and`, `and userName pr`, `(userName pr`,
		`userName pr)`, `userName eq "x" userName pr`, `not userName pr`, `emails[type eq "work"`, `emails[]`, `userName eq {}`, `userName eq ["x"]`,
		`nonsense pr`, `password2 eq "x"`, `userName[type eq "x"]`, `emails[nonsense eq "x"]`, `groups.value eq "x"`, `userNameeq "x"`, `userName eq'x'`,
		strings.Repeat("(", 50) + "userName pr" + strings.Repeat(")", 50), `userName eq "` + strings.Repeat("x", 3000) + `"`,
		`active eq true or nonsense pr`, `displayName eq "jane" %00`,
	} {
		if _, err := scim.Matches(text, mira()); code(err) != "invalidFilter" || strings.Contains(err.Error(), "jane") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`userName eq "x"`, `emails[type eq "work" and not (value pr)].value`, `a.b:c pr or (active ne false)`, `x[`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := scim.Matches(text, mira()); err != nil && code(err) != "invalidFilter" {
			t.Errorf("not a fault of the caller: %v", err)
		}
	})
}

func FuzzPatch(f *testing.F) {
	f.Add([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Add","path":"emails[type eq \"work\"].value","value":"x"}]}`))
	f.Add([]byte(`{"Operations":[{"op":"remove","path":"members[value eq \"a\"]"},{"op":"replace","value":{"active":"False","name.givenName":null}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		u, g := mira(), federation.Group{Members: []string{"a", "b"}}
		for _, err := range []error{scim.PatchUser(body, &u), scim.PatchGroup(body, &g)} {
			if err != nil && strongroom.KindOf(err) == strongroom.Internal {
				t.Errorf("not a fault of the caller: %v", err)
			}
		}
	})
}

func TestPatch(t *testing.T) {
	for name, c := range map[string]struct {
		ops  string
		want func(u federation.User) bool
		code string
	}{
		"bare object":               {`{"op":"replace","value":{"active":false}}`, func(u federation.User) bool { return !u.Active }, ""},
		"text":                      {`{"op":"Replace","path":"active","value":"False"}`, func(u federation.User) bool { return !u.Active }, ""},
		"another case":              {`{"OP":"REPLACE","Path":"ACTIVE","Value":"FALSE"}`, func(u federation.User) bool { return !u.Active }, ""},
		"with the schema":           {`{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:User:displayName","value":"M"}`, func(u federation.User) bool { return u.DisplayName == "M" }, ""},
		"part of the name":          {`{"op":"replace","path":"name","value":{"givenName":"M"}}`, func(u federation.User) bool { return u.Given == "M" && u.Family == "Okonkwo" }, ""},
		"primary moves":             {`{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}`, func(u federation.User) bool { return u.Address() == "mira@home.example" && !u.Emails[0].Primary }, ""},
		"an address is added":       {`{"op":"add","path":"emails","value":[{"value":"m@x.example","type":"other"}]}`, func(u federation.User) bool { return len(u.Emails) == 3 }, ""},
		"an address is added twice": {`{"op":"add","path":"emails","value":{"value":"MIRA@kitchen.example","type":"Work","primary":true}}`, func(u federation.User) bool { return len(u.Emails) == 2 }, ""},
		"addresses are replaced":    {`{"op":"replace","path":"emails","value":[{"value":"m@x.example"}]}`, func(u federation.User) bool { return len(u.Emails) == 1 }, ""},
		"an address goes":           {`{"op":"remove","path":"emails[type eq \"home\"]"}`, func(u federation.User) bool { return len(u.Emails) == 1 }, ""},
		"a primary one is made":     {`{"op":"replace","path":"emails[type eq \"other\" and primary eq true].value","value":"m@x.example"}`, func(u federation.User) bool { return u.Emails[2].Value == "m@x.example" && u.Emails[2].Primary }, ""},
		"removed text":              {`{"op":"remove","path":"displayName"}`, func(u federation.User) bool { return u.DisplayName == "" }, ""},
		"null is nothing":           {`{"op":"replace","path":"displayName","value":null}`, func(u federation.User) bool { return u.DisplayName == "" }, ""},
		"let fall":                  {`{"op":"add","path":"addresses[type eq \"work\"].streetAddress","value":"x"}`, func(federation.User) bool { return true }, ""},
		"the own id":                {`{"op":"replace","value":{"id":"scu_2","title":"x"}}`, func(u federation.User) bool { return u.ID == "scu_1" }, ""},
		"no such attribute":         {`{"op":"add","path":"nonsense","value":"x"}`, nil, "invalidPath"},
		"no such part":              {`{"op":"add","path":"emails[type eq \"work\"].nonsense","value":"x"}`, nil, "invalidPath"},
		"no such operation":         {`{"op":"move","path":"displayName","value":"x"}`, nil, "invalidSyntax"},
		"no value":                  {`{"op":"add","path":"displayName"}`, nil, "noTarget"},
		"remove without a path":     {`{"op":"remove","value":{"displayName":"x"}}`, nil, "noTarget"},
		"remove the user name":      {`{"op":"remove","path":"userName"}`, nil, "mutability"},
		"remove active":             {`{"op":"remove","path":"active"}`, nil, "mutability"},
		"active maybe":              {`{"op":"replace","path":"active","value":"maybe"}`, nil, "invalidValue"},
		"active null":               {`{"op":"replace","path":"active","value":null}`, nil, "invalidValue"},
		"a number for a name":       {`{"op":"replace","path":"userName","value":7}`, nil, "invalidValue"},
		"a path that is none":       {`{"op":"replace","path":"emails[type","value":"x"}`, nil, "invalidPath"},
		"a path that goes on":       {`{"op":"replace","path":"emails[type eq \"work\"].value x","value":"x"}`, nil, "invalidPath"},
		"none is chosen":            {`{"op":"replace","path":"emails[value co \"nobody\"].type","value":"x"}`, nil, "noTarget"},
		"members of a user":         {`{"op":"add","path":"members","value":[]}`, nil, "invalidPath"},
	} {
		u := mira()
		err := scim.PatchUser([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+c.ops+`]}`), &u)
		if code(err) != c.code || err == nil && !c.want(u) {
			t.Errorf("%s: %v, %+v", name, err, u)
		}
	}
	for _, body := range []string{
		``, `[]`, `{}`, `{"Operations":[]}`, `{"Operations":{}}`, `{"Operations":[7]}`, `{"Operations":[{}]}`, `{"schemas":["x"],"Operations":[{"op":"add","value":{}}]}`,
		`{"Operations":[{"op":"add","value":{}}],"operations":[]}`, `{"Operations":[{"op":"add","value":{"active":true,"ACTIVE":false}}]}`, `{} {}`, "{\"\xff\":1}", `{"a":`,
	} {
		u := mira()
		if err := scim.PatchUser([]byte(body), &u); code(err) != "invalidSyntax" {
			t.Errorf("%s: %v", body, err)
		}
	}
	deep := `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`
	if err := scim.PatchUser([]byte(deep), new(federation.User)); code(err) != "depth" {
		t.Errorf("deep: %v", err)
	}
}
