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

// After a power failure the file may be longer than what reached the disk. What
// follows the last synced entry is zeroes, and the instance starts all the same.
func TestLedgerTailThatNeverReachedTheDisk(t *testing.T) {
	f := open(t)
	f.fill(3, f.later())
	for r := uint64(1); r <= 2; r++ {
		if _, err := f.destroy(keys.Subject, r); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	good, _ := os.ReadFile(f.opt.Ledger)
	torn := append(append(bytes.Clone(good), "018c5b1e9f4"...), make([]byte, 9000)...)
	f.must(os.WriteFile(f.opt.Ledger, torn, 0o600))
	f.renew()
	if _, err := f.Replay(context.Background(), f.who); err != nil {
		t.Error("replay:", err)
	}
	if now, _ := os.ReadFile(f.opt.Ledger); !bytes.Equal(now, good) {
		t.Errorf("the ledger has %d bytes, want the %d that were synced", len(now), len(good))
	}
	if _, err := f.destroy(keys.Subject, 3); err != nil {
		t.Fatal(err)
	}
	if e := f.ledger(); len(e) != 3 || e[2].Record != 3 {
		t.Errorf("entries %+v", e)
	}
}

// A crash may cut the first line of a new ledger short; nothing depends on it.
func TestLedgerWhoseBeginningWasCutShort(t *testing.T) {
	f := open(t)
	f.fill(1, f.later())
	f.Close()
	head, _ := os.ReadFile(f.opt.Ledger)
	for _, cut := range [][]byte{nil, head[:7], append(bytes.Clone(head[:7]), 0, 0, 0), make([]byte, 4096)} {
		f.must(os.WriteFile(f.opt.Ledger, cut, 0o600))
		f.renew()
		if now, _ := os.ReadFile(f.opt.Ledger); !bytes.Equal(now, head) {
			t.Errorf("%q became %q", cut, now)
		}
		f.Close()
	}
	f.renew()
}

// A ledger that failed once is opened again only if it is still the one that was
// written: in an empty file, entries would stand behind a gap.
func TestLedgerIsNotBegunAnewWhileRunning(t *testing.T) {
	f := open(t)
	f.fill(4, f.later())
	if _, err := f.destroy(keys.Subject, 1); err != nil {
		t.Fatal(err)
	}
	away := f.opt.Ledger + ".away"
	f.must(os.Rename(f.opt.Ledger, away))
	for name, put := range map[string]func() error{
		"no file":       func() error { return nil },
		"an empty file": func() error { return os.WriteFile(f.opt.Ledger, nil, 0o600) },
		"another file":  func() error { return os.WriteFile(f.opt.Ledger, make([]byte, 4096), 0o600) },
	} {
		f.must(put())
		keys.BreakLedger(f.Keys)
		for range 2 { // the first finds it broken, the second opens it again
			_, err := f.destroy(keys.Subject, 2)
			wantKind(t, name, err, strongroom.Unavailable)
		}
		os.Remove(f.opt.Ledger)
	}
	f.must(os.Rename(away, f.opt.Ledger))
	if _, err := f.destroy(keys.Subject, 2); err != nil {
		t.Fatal("brought back:", err)
	}
	if e := f.ledger(); len(e) != 2 || e[1].Record != 2 {
		t.Errorf("entries %+v", e)
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
