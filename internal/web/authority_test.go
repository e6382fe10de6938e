package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/web"
)

// TestObligation_2_5_1_LocalAuthority: who trusts the authority trusts the server and
// nothing else that its key could sign.
func TestObligation_2_5_1_LocalAuthority(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	if _, err := web.EnsureCertificate(dir, []string{"localhost"}, now); err != nil {
		t.Fatal(err)
	}
	cert, err := web.MakeAuthority(dir, []string{"localhost", "shop.test", "127.0.0.1"}, false, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"ca.key": 0o600, "tls.key": 0o600, "ca.crt": 0o644} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
	ca, err := web.LoadCertificate(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	trust := func(ca tls.Certificate) *x509.CertPool {
		pool := x509.NewCertPool()
		pool.AddCert(ca.Leaf)
		return pool
	}
	verify := func(leaf *x509.Certificate, name string) error {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: trust(ca), DNSName: name, CurrentTime: now})
		return err
	}
	for _, name := range []string{"localhost", "shop.test", "127.0.0.1"} {
		if err := verify(cert.Leaf, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"bank.example", "127.0.0.2"} { // planted: its key signs for others all the same
		forged := sign(t, ca, name)
		if err := verify(forged, name); err == nil {
			t.Errorf("the authority is taken for %s", name)
		}
		free := authorityWithout(t, ca)
		if _, err := forged.Verify(x509.VerifyOptions{Roots: trust(free), DNSName: name, CurrentTime: now}); err != nil {
			t.Errorf("without its constraints it is refused too, so they are not what is tested: %v", err)
		}
	}
	if _, err := web.MakeAuthority(dir, []string{"other.test"}, false, now); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("another name: %v", err)
	}
	if again, err := web.MakeAuthority(dir, []string{"shop.test"}, false, now); err != nil || len(again.Leaf.DNSNames) != 1 {
		t.Errorf("signs again: %v", err)
	}
	if other, err := web.MakeAuthority(dir, []string{"other.test"}, true, now); err != nil || other.Leaf.DNSNames[0] != "other.test" {
		t.Errorf("anew: %v", err)
	}
}

// A certificate of the authority is made anew before its end, for the names it had, and
// never beyond the authority's.
func TestLocalAuthorityRenews(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first, err := web.MakeAuthority(dir, []string{"shop.test"}, false, now)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for _, at := range []time.Duration{380, 760, 1090} {
		next, err := web.EnsureCertificate(dir, []string{"localhost"}, now.Add(at*day))
		if err != nil || len(next.Leaf.DNSNames) != 1 || next.Leaf.DNSNames[0] != "shop.test" {
			t.Fatalf("after %d days: %v, %v", at, next.Leaf, err)
		}
		if end := now.Add(3 * 365 * day); next.Leaf.NotAfter.After(end) || at < 1000 && web.Fingerprint(next) == web.Fingerprint(first) {
			t.Fatalf("after %d days it ends %v", at, next.Leaf.NotAfter)
		}
		first = next
	}
	same, err := web.EnsureCertificate(dir, nil, now.Add(1091*day))
	if err != nil || web.Fingerprint(same) != web.Fingerprint(first) {
		t.Errorf("what cannot be better is made anew: %v", err)
	}
	if _, err := web.EnsureCertificate(dir, nil, now.Add(1100*day)); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("an authority that is over signs: %v", err)
	}
}

// TestObligation_2_5_1_CrashAtRenewal: a key that came without its certificate, as a
// crash between the two would leave it, gets one; a certificate of somebody else's stays.
func TestObligation_2_5_1_CrashAtRenewal(t *testing.T) {
	dir, other, now := t.TempDir(), t.TempDir(), time.Now()
	for _, d := range []string{dir, other} {
		if _, err := web.EnsureCertificate(d, []string{"localhost", "shop.test"}, now); err != nil {
			t.Fatal(err)
		}
	}
	put := func(from, name string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(other, "tls.key")
	if _, err := web.LoadCertificate(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")); err == nil {
		t.Fatal("the pair belongs together")
	}
	healed, err := web.EnsureCertificate(dir, []string{"localhost"}, now)
	if err != nil || len(healed.Leaf.DNSNames) != 2 {
		t.Fatalf("not healed: %v", err)
	}
	// Only the certificate changes at a renewal.
	renewed, err := web.EnsureCertificate(dir, nil, now.Add(380*24*time.Hour))
	if err != nil || string(renewed.Leaf.RawSubjectPublicKeyInfo) != string(healed.Leaf.RawSubjectPublicKeyInfo) {
		t.Fatalf("another key: %v", err)
	}
	foreign := sign(t, healed, "localhost")
	if err := os.WriteFile(filepath.Join(dir, "tls.crt"), pemOf(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := web.EnsureCertificate(dir, nil, now); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("the certificate of somebody else: %v", err)
	}
	if _, err := web.MakeAuthority(dir, []string{"localhost"}, false, now); !strongroom.IsKind(err, strongroom.Conflict) {
		t.Errorf("the certificate of somebody else is signed over: %v", err)
	}
}
