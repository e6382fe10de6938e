package device_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/device"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
	"strongroom/internal/tlog"
)

// fixture is a register over a real database, log and policies.
type fixture struct {
	*device.Devices
	db     *db.DB
	dir    string
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
	o := dbtest.Options(t, dbtest.Engine(t), audit.Schema(), device.Schema())
	o.Clock = f.clock
	if o.Path != "" {
		f.dir = filepath.Dir(o.Path)
	}
	d, err := db.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	f.db = d
	if _, err := d.Migrate(context.Background(), []db.Schema{audit.Schema(), device.Schema()}); err != nil {
		t.Fatal(err)
	}
	signer, err := tlog.NewSigner("strongroom.test/log", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	if f.log, err = audit.New(d, audit.Options{Signer: signer}); err != nil {
		t.Fatal(err)
	}
	if err := f.log.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if f.policy, err = authz.New(nil, authz.Options{Environment: strongroom.Production}); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(&f.lines, nil))
	f.guard = guard.New(guard.Options{DB: d, Log: f.log, Policy: func() *authz.Engine { return f.policy }, Logger: logger})
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
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.guard.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("guard: %v", err)
		}
	})
	return f
}

func (f *fixture) actor(id string, roles ...string) strongroom.Actor {
	return strongroom.Actor{Kind: strongroom.PersonActor, ID: id, Roles: roles, AllStores: true, Door: "http",
		Standing: strongroom.Standing{Trained: true, Pledged: true, Verified: f.real.Now()}}
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

func code(err error) string {
	if f, ok := err.(*strongroom.Fault); ok {
		return f.Code
	}
	if err != nil {
		return "internal"
	}
	return ""
}

const (
	dumpDevices = "select id || owner || proof, sealed from device_device order by id"
	dumpCodes   = "select device, digest from device_code order by device"
	dumpNonces  = "select 'n', digest from device_nonce order by digest"
)

// disk returns every byte at rest, the log and the operational log with it.
func (f *fixture) disk(t testing.TB) []byte {
	t.Helper()
	var all bytes.Buffer
	dump := func(rows *db.Rows, err error) {
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var a string
			var b []byte
			if err := rows.Scan(&a, &b); err != nil {
				t.Fatal(err)
			}
			all.WriteString(a)
			all.Write(b)
		}
	}
	if err := f.db.Read(context.Background(), func(r *db.Reader) error {
		dump(r.Query(dumpDevices))
		dump(r.Query(dumpCodes))
		dump(r.Query(dumpNonces))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if f.dir != "" {
		if err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := f.log.Events(context.Background(), -1, audit.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all.Write(e.Leaf)
	}
	all.Write(f.lines.Bytes())
	return all.Bytes()
}
