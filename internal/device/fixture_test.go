package device_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/device"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
	"strongroom/internal/seal"
)

// fixture is a register over a real database, log and policies.
type fixture struct {
	*device.Devices
	ground *guardtest.Ground
	db     *db.DB
	log    *audit.Log
	guard  *guard.Guard
	policy *authz.Engine
	clock  *strongroom.Clock
	real   *strongroom.Clock
	lines  bytes.Buffer
	gone   string // a person who is not there
}

func fresh(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{clock: new(strongroom.Clock), real: new(strongroom.Clock)}
	f.ground = guardtest.Open(t, f.clock, device.Schema())
	f.db, f.log = f.ground.DB, f.ground.Log
	var err error
	if f.policy, err = authz.New(nil, authz.Options{Environment: strongroom.Production}); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(&f.lines, nil))
	f.guard = f.ground.Start(t, strongroom.Production, guard.Options{Policy: func() *authz.Engine { return f.policy }, Logger: logger})
	f.gone = strongroom.NewID("usr")
	f.Devices = device.New(device.Options{
		Guard: f.guard, Environment: strongroom.Production, Key: seal.NewKey(), Real: f.real, Log: logger,
		Person: func(_ *db.Reader, id string) error {
			if id == f.gone {
				return strongroom.Faultf(strongroom.NotFound, "person", "there is no such person")
			}
			return nil
		},
	})
	return f
}

func (f *fixture) actor(id string, roles ...string) strongroom.Actor {
	return guardtest.Person(id, f.real.Now(), roles...)
}

func (f *fixture) operator() strongroom.Actor {
	return f.actor(strongroom.NewID("usr"), authz.Operator)
}

// add enters a managed laptop of a person.
func (f *fixture) add(t testing.TB, owner string, change ...func(*device.Spec)) (device.Device, string) {
	t.Helper()
	s := device.Spec{Label: "NB-0042", Kind: "laptop", Owner: owner, Posture: device.Managed}
	for _, c := range change {
		c(&s)
	}
	x, code, err := f.Add(t.Context(), f.operator(), s)
	if err != nil {
		t.Fatal(err)
	}
	return x, code.Reveal()
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// certificate is one for key, by nobody in particular, as TLS hands it over.
func certificate(t testing.TB, key *ecdsa.PrivateKey, from, until time.Time) *x509.Certificate {
	t.Helper()
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "NB-0042"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var b64 = base64.RawURLEncoding

// halves are the two halves of a signed proof, open to every lie.
type halves struct {
	head, claims map[string]any
}

func proofOf(t testing.TB, key *ecdsa.PrivateKey, at time.Time) halves {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return halves{
		map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]any{
			"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(point[1:33]), "y": b64.EncodeToString(point[33:])}},
		map[string]any{"htm": "POST", "htu": "/v1/session", "iat": at.Unix(), "jti": strongroom.NewID("jti")},
	}
}

// sign writes a proof down as RFC 7515 says.
func (h halves) sign(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b64.EncodeToString(b)
	}
	text := part(h.head) + "." + part(h.claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + b64.EncodeToString(sig)
}

// call is the evidence of a call with a header.
func call(header string) device.Evidence {
	return device.Evidence{Header: header, Method: "POST", Path: "/v1/session"}
}

func code(err error) string { return guardtest.Code(err) }

const (
	dumpDevices = "select id || owner || proof, sealed from device_device order by id"
	dumpCodes   = "select device, digest from device_code order by device"
	dumpNonces  = "select 'n', digest from device_nonce order by digest"
)

// disk returns every byte at rest, the log and the operational log with it.
func (f *fixture) disk(t testing.TB) []byte {
	t.Helper()
	return append(f.ground.Disk(t, func(r *db.Reader, put func(*db.Rows, error)) {
		put(r.Query(dumpDevices))
		put(r.Query(dumpCodes))
		put(r.Query(dumpNonces))
	}), f.lines.Bytes()...)
}
