package review

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/password"
)

// Rules is what an identity provider asks of passwords and second factors. A nil
// says that it could not be read (DPP 2.4.1 to 2.4.7).
type Rules struct {
	MinLength   *int  `json:"min_length"`
	Upper       *int  `json:"upper"`
	Lower       *int  `json:"lower"`
	Digit       *int  `json:"digit"`
	Special     *int  `json:"special"`
	ExcludeName *bool `json:"exclude_name"`
	History     *int  `json:"history"`
	MinAgeHours *int  `json:"min_age_hours"`
	MaxAgeDays  *int  `json:"max_age_days"` // 0: a password never ends
	MFA         *bool `json:"mfa"`          // for everybody, with no exception
}

// Standing is how a provider's rules compare with a clause.
type Standing string

// How rules stand. What cannot be read is unknown, never pass.
const (
	Pass    Standing = "pass"
	Fail    Standing = "fail"
	NotRead Standing = "unknown"
)

// ProviderRules are the rules of a provider as last read.
type ProviderRules struct {
	Provider string
	Shape    Shape
	Read     time.Time
	Rules    Rules
	Clauses  map[string]Standing // by clause, "2.4.2" and so on; "2.4.1" is all of them
}

// Shape is how a provider tells its rules.
type Shape string

// The shapes.
const (
	Okta    Shape = "okta"    // GET /api/v1/policies?type=PASSWORD, with rules embedded for MFA
	Entra   Shape = "entra"   // Microsoft Graph: domains, securityDefaults, conditionalAccessPolicies
	Generic Shape = "generic" // the fields of [Rules]
)

// ParseProvider reads rules. Of several policies the weakest value counts, and one
// of them that does not tell makes it unknown. The fault is Invalid for what is no
// such document.
func ParseProvider(shape Shape, text []byte) (r Rules, err error) {
	if len(text) > maxImportBytes {
		return r, strongroom.Faultf(strongroom.TooLarge, "import", "an import has at most %d bytes", maxImportBytes)
	}
	switch shape {
	case Okta:
		r, err = parseOkta(text)
	case Entra:
		r, err = parseEntra(text)
	case Generic:
		err = json.Unmarshal(text, &r)
	default:
		return r, strongroom.Faultf(strongroom.Invalid, "shape", "the shape is okta, entra or generic")
	}
	if err != nil {
		return Rules{}, strongroom.Faultf(strongroom.Invalid, "import", "the document does not read as rules of this shape")
	}
	return r, nil
}

// Clauses lists the clauses that rules are held against; 2.4.1 is all of the others.
func Clauses() []string {
	return []string{"2.4.1", "2.4.2", "2.4.3", "2.4.4", "2.4.5", "2.4.6", "2.4.7"}
}

// Compare holds rules against a profile, clause by clause.
func (r Rules) Compare(p password.Profile) map[string]Standing {
	all := func(list ...Standing) Standing {
		worst := Pass
		for _, s := range list {
			if s == Fail || s == NotRead && worst == Pass {
				worst = s
			}
		}
		return worst
	}
	least := func(v *int, n int) Standing { return judge(v, func(v int) bool { return v >= n }) }
	m := map[string]Standing{
		"2.4.2": all(least(r.MinLength, p.MinLength), least(r.Upper, p.Upper), least(r.Lower, p.Lower), least(r.Digit, p.Digit), least(r.Special, p.Special)),
		"2.4.3": judge(r.ExcludeName, func(b bool) bool { return b }),
		"2.4.4": least(r.History, p.History),
		"2.4.5": least(r.MinAgeHours, int(math.Ceil(p.MinAge.Hours()))),
		"2.4.6": judge(r.MaxAgeDays, func(d int) bool { return d > 0 && time.Duration(d)*24*time.Hour <= p.MaxAge }),
		"2.4.7": judge(r.MFA, func(b bool) bool { return b }),
	}
	m["2.4.1"] = all(m["2.4.2"], m["2.4.3"], m["2.4.4"], m["2.4.5"], m["2.4.6"], m["2.4.7"])
	return m
}

func judge[T any](v *T, ok func(T) bool) Standing {
	switch {
	case v == nil:
		return NotRead
	case ok(*v):
		return Pass
	}
	return Fail
}

type providerBody struct {
	Provider string `json:"n"`
	Shape    Shape  `json:"s"`
	Rules    Rules  `json:"r"`
}

func (v *Review) providerAD(mark []byte, read int64) []byte { return v.ad("provider", mark, read) }

// ImportProvider reads the rules of a provider and keeps them in place of what was
// read before. What does not read is kept as unknown in every clause, and the fault
// says so.
func (v *Review) ImportProvider(ctx context.Context, who strongroom.Actor, provider string, shape Shape, text []byte) error {
	if err := strongroom.CheckName("provider", provider); err != nil {
		return v.refuse(ctx, who, registerEdit, register(), err)
	}
	rules, bad := ParseProvider(shape, text)
	if err := v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := v.allowEdit(tx, who, audit.Word("provider")); err != nil {
			return err
		}
		sum := v.mark.MAC([]byte("provider"), []byte(provider))
		read := db.Micros(tx.Now())
		sealed, err := v.pack(v.providerAD(sum[:], read), providerBody{provider, shape, rules})
		if err != nil {
			return err
		}
		_, err = tx.Exec(sqlPutProvider, sum[:], read, sealed)
		return err
	}); err != nil {
		return err
	}
	return bad
}

// Providers returns what was read of each provider, held against a profile. Rules
// read more than [Quarter] months ago are unknown: they may have changed.
func (v *Review) Providers(ctx context.Context, who strongroom.Actor, p password.Profile) (out []ProviderRules, err error) {
	err = v.o.Guard.Read(ctx, who, func(_ context.Context, w *guard.View) error {
		if err := w.Allow(registerRead, register(), guard.Context{}); err != nil {
			return err
		}
		out, err = v.providers(&w.Reader, p, w.Now())
		return err
	})
	return out, err
}

func (v *Review) providers(r *db.Reader, p password.Profile, now time.Time) (out []ProviderRules, err error) {
	type row struct {
		mark, sealed []byte
		read         int64
	}
	q, err := r.Query(sqlProviders)
	rows, err := db.Collect(q, err, func(s db.Scanner) (x row, err error) { return x, s.Scan(&x.mark, &x.read, &x.sealed) })
	if err != nil {
		return nil, err
	}
	for _, x := range rows {
		var b providerBody
		if err := v.unpack("providers", v.providerAD(x.mark, x.read), x.sealed, &b); err != nil {
			return nil, err
		}
		rules := b.Rules
		if now.After(db.TimeOrZero(x.read).AddDate(0, Quarter, 0)) {
			rules = Rules{}
		}
		out = append(out, ProviderRules{b.Provider, b.Shape, db.TimeOrZero(x.read), b.Rules, rules.Compare(p)})
	}
	return out, nil
}
