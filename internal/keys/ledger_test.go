package keys_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/keys"
)

// A line cut short by a crash is written over; any other damage is found.
func TestLedgerDamage(t *testing.T) {
	f := open(t)
	f.fill(4, f.later())
	for r := uint64(1); r <= 3; r++ {
		if _, err := f.destroy(keys.Subject, r); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	good, _ := os.ReadFile(f.opt.Ledger)
	if !strings.HasPrefix(string(good), "strongroom-ledger 1 test ring_") || bytes.Count(good, []byte("\n")) != 4 {
		t.Fatalf("the ledger reads %q", good)
	}
	os.WriteFile(f.opt.Ledger, good[:len(good)-5], 0o600)
	f.renew()
	if n := len(f.ledger()); n != 2 {
		t.Errorf("cut short, it has %d entries", n)
	}
	if _, err := f.destroy(keys.Subject, 4); err != nil {
		t.Fatal(err)
	}
	e := f.ledger()
	if len(e) != 3 || e[2].Record != 4 {
		t.Errorf("after the cut: %+v", e)
	}
	whole, _ := os.ReadFile(f.opt.Ledger)
	for i := bytes.IndexByte(whole, '\n') + 1; i < len(whole); i += 3 {
		b := bytes.Clone(whole)
		b[i] ^= 1
		os.WriteFile(f.opt.Ledger, b, 0o600)
		_, err := keys.ReadLedger(f.opt.Ledger, 0, func(keys.Entry) error { return nil })
		wantKind(t, "a changed byte", err, strongroom.Internal)
	}
	os.WriteFile(f.opt.Ledger, whole, 0o600)
	f.renew()
	if n, err := f.Replay(context.Background(), f.who); err != nil {
		t.Error("put right again:", n, err)
	}
}

func TestLedgerRefused(t *testing.T) {
	f := open(t)
	f.Close()
	for name, spoil := range map[string]func(){
		"another ring's": func() { os.WriteFile(f.opt.Ledger, []byte("strongroom-ledger 1 test ring_x\n"), 0o600) },
		"no ledger":      func() { os.WriteFile(f.opt.Ledger, []byte("hello\n"), 0o600) },
		"loose":          func() { os.Chmod(f.opt.Ledger, 0o644) },
		"a folder":       func() { os.Remove(f.opt.Ledger); os.Mkdir(f.opt.Ledger, 0o700) },
		"nowhere":        func() { f.opt.Ledger = filepath.Join(f.opt.Ledger, "x", "y") },
	} {
		f.opt.Ledger = filepath.Join(t.TempDir(), "ledger")
		k, err := keys.New(f.ring, f.guard, f.opt)
		f.must(err)
		k.Close()
		spoil()
		if k, err := keys.New(f.ring, f.guard, f.opt); err == nil {
			k.Close()
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzLedger(f *testing.F) {
	head := "strongroom-ledger 1 test ring_x\n"
	e := keys.Entry{Record: 1 << 40, Reason: keys.Subject, At: time.UnixMicro(1_700_000_000_000_000)}
	line := string(keys.AppendEntry(nil, e))
	f.Add(head+line+line, int64(0))
	f.Add(head+line[:20], int64(0))
	f.Add(line, int64(1))
	f.Fuzz(func(t *testing.T, s string, skip int64) {
		if skip < 0 || skip > 100 {
			return
		}
		var back []byte
		n, err := keys.ReadEntries(strings.NewReader(s), skip, func(e keys.Entry) error {
			back = keys.AppendEntry(back, e)
			return nil
		})
		if len(back) != int(max(0, n-skip))*len(line) || !strings.Contains(s, string(back)) {
			t.Fatalf("%d entries read, %q written back, %v", n, back, err)
		}
	})
}
