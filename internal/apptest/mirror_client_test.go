package apptest_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"strongroom/internal/apptest"
)

// Programs that nobody wrote for the mirror work with it: curl, and where Node is
// installed a small script of nothing but fetch. What they get differs from the
// platform's answers by tokens alone.
func TestMirrorWithOthersClients(t *testing.T) {
	m := newMirrored(t)
	shop := m.world.Stores()[0]
	sides := []struct{ base, key string }{{m.platform.URL, shop.Token}, {m.URL + "/ecartapi/" + m.stores[shop.Name], m.Made.APIKey}}
	programs := map[string]func(base, key string) *exec.Cmd{
		"curl": func(base, key string) *exec.Cmd {
			return exec.Command("curl", "--silent", "--show-error", "--fail", "--header", "Authorization: Bearer "+key, base+"/api/v2/orders?limit=50")
		},
	}
	_, err := exec.LookPath("node")
	if err != nil && os.Getenv("STRONGROOM_PROGRAMS") == "required" {
		t.Error("there is no Node on this machine: run make need")
	}
	if err == nil {
		programs["node"] = func(base, key string) *exec.Cmd {
			return exec.Command("node", "testdata/pull.mjs", base, key, "v2")
		}
	}
	for name, program := range programs {
		var out [2][]byte
		for i, s := range sides {
			var complaints bytes.Buffer
			c := program(s.base, s.key)
			c.Stderr = &complaints
			text, err := c.Output()
			if err != nil {
				t.Fatalf("%s: %v: %s", name, err, complaints.Bytes())
			}
			out[i] = text
		}
		tokens := 0
		for _, d := range differs(name, apptest.Decode(t, out[0]), apptest.Decode(t, out[1]), &tokens) {
			t.Error(d)
		}
		if tokens < 50 {
			t.Errorf("%s: %d tokens", name, tokens)
		}
	}
}

// A page that is the same as a moment ago is not taken in again; one that changed,
// or whose object may come again, is.
func TestMirrorKnowsPages(t *testing.T) {
	m := newMirrored(t)
	shop := m.world.Stores()[0]
	at := apptest.Request{Path: m.path(shop.Name, "v2/orders"), Query: map[string][]string{"limit": {"4"}}}
	ask := func() (ingests int, body []byte) {
		before := countEvents(t, m.Instance, "record.ingest", "")
		a := m.Want(200, at, nil)
		return countEvents(t, m.Instance, "record.ingest", "") - before, a.Body
	}
	_, first := ask()
	ask() // what was stored the first time belongs to the turn behind it
	n, again := ask()
	if n != 0 || !bytes.Equal(first, again) {
		t.Errorf("a known page was taken in %d times", n)
	}
	if calls := len(m.platform.calls()); calls != 3 {
		t.Errorf("the platform was asked %d times, want each time", calls)
	}
	if reads := countEvents(t, m.Instance, "mirror.read", ""); reads != 3 {
		t.Errorf("%d events of reading, want one a call", reads)
	}
	m.world.Update(shop.Name, shop.Orders-1, m.world.Now())
	n, changed := ask()
	if n != 1 || bytes.Equal(changed, first) {
		t.Errorf("a page that changed was taken in %d times", n)
	}
	// An erased object stays away, and its tokens open nothing.
	kept, _ := m.Records(m.stores[shop.Name])
	for _, r := range kept {
		m.Erase(m.stores[shop.Name], r.ID)
	}
	_, _ = ask()
	if left, _ := m.Records(m.stores[shop.Name]); len(left) != 0 {
		t.Errorf("%d erased records came back", len(left))
	}
}
