package apptest_test

import (
	"bytes"
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
	if _, err := exec.LookPath("node"); err == nil {
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

