package review_test

import (
	"context"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/password"
	"strongroom/internal/review"
)

const oktaGood = `[{"type":"PASSWORD","status":"ACTIVE","settings":{"password":{
	"complexity":{"minLength":12,"minLowerCase":1,"minUpperCase":1,"minNumber":1,"minSymbol":1,"excludeUsername":true,"excludeAttributes":["firstName","lastName"]},
	"age":{"maxAgeDays":365,"minAgeMinutes":1440,"historyCount":10}}}},
	{"type":"OKTA_SIGN_ON","status":"ACTIVE","_embedded":{"rules":[{"status":"ACTIVE","actions":{"signon":{"access":"ALLOW","requireFactor":true}}}]}}]`

const oktaTwo = `[{"type":"PASSWORD","status":"ACTIVE","settings":{"password":{
	"complexity":{"minLength":14,"minLowerCase":1,"minUpperCase":1,"minNumber":1,"minSymbol":1},"age":{"maxAgeDays":90,"minAgeMinutes":0,"historyCount":10}}}},
	{"type":"PASSWORD","status":"ACTIVE","settings":{"password":{"complexity":{"minLength":8},"age":{"maxAgeDays":0,"historyCount":4}}}},
	{"type":"PASSWORD","status":"INACTIVE","settings":{"password":{"complexity":{"minLength":1}}}}]`

const entraGood = `{"domains":{"value":[{"isVerified":true,"authenticationType":"Managed","passwordValidityPeriodInDays":90}]},
	"securityDefaults":{"isEnabled":false},
	"conditionalAccessPolicies":{"value":[{"state":"enabled","conditions":{"users":{"includeUsers":["All"],"excludeUsers":[]},
	"applications":{"includeApplications":["All"]},"clientAppTypes":["all"],"locations":null},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}]}}`

const entraHole = `{"domains":{"value":[{"isVerified":true,"authenticationType":"Managed","passwordValidityPeriodInDays":2147483647}]},
	"securityDefaults":{"isEnabled":false},
	"conditionalAccessPolicies":{"value":[{"state":"enabled","conditions":{"users":{"includeUsers":["All"],"excludeGroups":["x"]},
	"applications":{"includeApplications":["All"]}},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}]}}`

// The password rules of the provider are held against the profile; what does not
// read is unknown and never passes.
func TestObligation_2_4_1_Providers(t *testing.T) {
	const pass, fail, unknown = review.Pass, review.Fail, review.NotRead
	for name, x := range map[string]struct {
		shape review.Shape
		text  string
		want  map[string]review.Standing
	}{
		"okta": {review.Okta, oktaGood, map[string]review.Standing{
			"2.4.1": pass, "2.4.2": pass, "2.4.3": pass, "2.4.4": pass, "2.4.5": pass, "2.4.6": pass, "2.4.7": pass}},
		"the weakest policy of okta counts": {review.Okta, oktaTwo, map[string]review.Standing{
			"2.4.1": fail, "2.4.2": fail, "2.4.3": unknown, "2.4.4": fail, "2.4.5": unknown, "2.4.6": fail, "2.4.7": unknown}},
		"entra": {review.Entra, entraGood, map[string]review.Standing{
			"2.4.1": unknown, "2.4.2": unknown, "2.4.4": unknown, "2.4.6": pass, "2.4.7": pass}},
		"entra with an exception": {review.Entra, entraHole, map[string]review.Standing{
			"2.4.1": fail, "2.4.6": fail, "2.4.7": fail}},
		"entra without policies": {review.Entra, `{"securityDefaults":{"isEnabled":false}}`, map[string]review.Standing{"2.4.7": unknown}},
		"entra by its defaults":  {review.Entra, `{"securityDefaults":{"isEnabled":true}}`, map[string]review.Standing{"2.4.7": pass}},
		"generic": {review.Generic, `{"min_length":11,"upper":1,"lower":1,"digit":1,"special":1,"max_age_days":366}`, map[string]review.Standing{
			"2.4.1": fail, "2.4.2": fail, "2.4.6": fail, "2.4.4": unknown}},
		"generic that says nothing": {review.Generic, `{}`, map[string]review.Standing{"2.4.1": unknown, "2.4.7": unknown}},
	} {
		r, err := review.ParseProvider(x.shape, []byte(x.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for clause, s := range x.want {
			if got := r.Compare(password.Default())[clause]; got != s {
				t.Errorf("%s, %s: %s, want %s", name, clause, got, s)
			}
		}
	}
	for _, shape := range []review.Shape{review.Okta, review.Entra, review.Generic, "ldap"} {
		for _, text := range []string{"", "[", `"x"`, "7"} {
			if _, err := review.ParseProvider(shape, []byte(text)); !strongroom.IsKind(err, strongroom.Invalid) {
				t.Errorf("%s takes %q: %v", shape, text, err)
			}
		}
	}
}

func TestProviderThatCannotBeRead(t *testing.T) {
	o, ctx := enter(t), context.Background()
	o.must(o.ImportProvider(ctx, o.sec, "okta", review.Okta, []byte(oktaGood)))
	state := func() review.Standing {
		list, err := o.Providers(ctx, o.sec, password.Default())
		o.must(err)
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		return list[0].Clauses["2.4.1"]
	}
	if got := state(); got != review.Pass {
		t.Error(got)
	}
	o.ahead(100 * 24 * time.Hour)
	if got := state(); got != review.NotRead {
		t.Errorf("rules of last quarter are %s", got)
	}
	want(t, "unreadable", o.ImportProvider(ctx, o.sec, "okta", review.Okta, []byte("<html>")), strongroom.Invalid, "import")
	o.ahead(-100 * 24 * time.Hour)
	if got := state(); got != review.NotRead {
		t.Errorf("what does not read is %s", got)
	}
}
