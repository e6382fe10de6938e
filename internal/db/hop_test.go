package db_test

import (
	"net"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/db"
)

// TestObligation_2_5_3_WaysToTheDatabase: no way leads to another machine that is not
// encrypted and proved, by whatever the driver reads its settings from.
func TestObligation_2_5_3_WaysToTheDatabase(t *testing.T) {
	for _, v := range []string{"PGHOST", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGPORT"} {
		t.Setenv(v, "")
	}
	for _, c := range []struct {
		name, url string
		env       [2]string
		want      db.Hop // empty: refused
	}{
		{"no mode: the driver would fall back to plain text", "postgres://u@db.example.com/d", [2]string{}, ""},
		{"disable", "postgres://u@db.example.com/d?sslmode=disable", [2]string{}, ""},
		{"allow", "postgres://u@db.example.com/d?sslmode=allow", [2]string{}, ""},
		{"prefer", "postgres://u@db.example.com/d?sslmode=prefer", [2]string{}, ""},
		{"require proves nobody", "postgres://u@db.example.com/d?sslmode=require", [2]string{}, ""},
		{"verify-ca proves no host", "postgres://u@db.example.com/d?sslmode=verify-ca", [2]string{}, ""},
		{"the environment takes it away", "postgres://u@db.example.com/d", [2]string{"PGSSLMODE", "disable"}, ""},
		{"the environment names another host", "postgres:///d?sslmode=disable", [2]string{"PGHOST", "db.example.com"}, ""},
		{"one host of two", "postgres://u@127.0.0.1,db.example.com/d?sslmode=disable", [2]string{}, ""},
		{"a private network is a network", "postgres://u@10.0.0.5/d?sslmode=disable", [2]string{}, ""},
		{"a name that begins like loopback", "postgres://u@127.0.0.1.example.com/d?sslmode=disable", [2]string{}, ""},

		{"verify-full", "postgres://u@db.example.com/d?sslmode=verify-full", [2]string{}, db.Verified},
		{"verify-full from the environment", "postgres://u@db.example.com/d", [2]string{"PGSSLMODE", "verify-full"}, db.Verified},
		{"verify-full to loopback", "postgres://u@127.0.0.1/d?sslmode=verify-full", [2]string{}, db.Verified},
		{"a socket", "postgres:///d?host=/var/run/postgresql", [2]string{}, db.Inside},
		{"loopback", "postgres://u@127.0.0.1/d?sslmode=disable", [2]string{}, db.Loopback},
		{"loopback, prefer", "postgres://u@localhost/d", [2]string{}, db.Loopback},
		{"loopback of IPv6", "postgres://u@[::1]/d?sslmode=require", [2]string{}, db.Loopback},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			got, err := db.HopOf(c.url)
			if c.want != "" {
				if err != nil || got != c.want {
					t.Fatalf("%q, %v; want %q", got, err, c.want)
				}
				return
			}
			if !strongroom.IsKind(err, strongroom.Invalid) || !strings.Contains(err.Error(), "sslmode=verify-full") || strings.Contains(err.Error(), "example") {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}

// TestObligation_2_5_3_NothingIsSentFirst: a refused address is not even dialled.
func TestObligation_2_5_3_NothingIsSentFirst(t *testing.T) {
	address := elsewhere(t)
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked := make(chan struct{}, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			asked <- struct{}{}
			c.Close()
		}
	}()
	open := func(mode string) error {
		d, err := db.Open(t.Context(), db.Options{URL: "postgres://u@" + l.Addr().String() + "/d?sslmode=" + mode})
		if err == nil {
			d.Close()
		}
		return err
	}
	if err := open("prefer"); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Fatalf("an address that may be plain: %v", err)
	}
	if len(asked) != 0 {
		t.Fatal("the address was dialled before it was judged")
	}
	// The listener sees who does dial: the check above can fail.
	if err := open("verify-full"); err == nil || strongroom.IsKind(err, strongroom.Invalid) {
		t.Fatalf("an address that answers nothing: %v", err)
	}
	<-asked
}

// elsewhere returns an address of this machine that is not loopback.
func elsewhere(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	// Without a network: this one leads here and is not loopback by its number.
	return "0.0.0.0"
}
