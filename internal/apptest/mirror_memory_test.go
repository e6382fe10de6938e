package apptest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
)

// What of an answer may be alive at a time: chunks on their way, and what the instance
// keeps anyhow.
const (
	longAnswer = 32 << 20
	longMemory = 18 << 20
)

// long writes an answer of about longAnswer bytes and returns how many bytes were alive
// at most meanwhile, beyond what was at the beginning.
func (m *mirrored) long(w http.ResponseWriter) (most int) {
	alive := func() int {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int(s.HeapAlloc)
	}
	base := alive()
	jsonPage(w)
	out := &counter{w: w}
	for looked, begin := 0, pageBegin; out.n < longAnswer; begin = "," {
		m.orders(out, 3_000_000, 100, begin) // the same again and again
		if out.n-looked > longAnswer/8 {
			looked = out.n
			most = max(most, alive()-base)
		}
	}
	fmt.Fprint(w, pageEnd)
	return most
}

type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}

// drain fetches an address and drops what comes.
func drain(t *testing.T, address, key string) (n int64) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err = io.Copy(io.Discard, res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d after %d bytes: %v", res.StatusCode, n, err)
	}
	return n
}

// A list of any length takes the memory of some chunks. A proxy that holds the whole
// answer shows that the measure sees it.
func TestMirrorMemoryIsFlat(t *testing.T) {
	m := newMirrored(t)
	most := make(chan int, 1)
	m.platform.say(t, func(w http.ResponseWriter, _ *http.Request) { most <- m.long(w) })
	if n := drain(t, m.URL+m.path(larkspur, "v2/orders"), m.Made.APIKey); n < longAnswer/2 {
		t.Errorf("%d bytes came", n)
	}
	grown := <-most
	t.Logf("%d KiB of an answer of %d", grown>>10, longAnswer>>10)
	if grown > longMemory {
		t.Errorf("an answer of %d MiB takes %d", longAnswer>>20, grown>>20)
	}

	holds := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := http.Get(m.platform.URL + r.URL.Path)
		if err != nil {
			return
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err == nil {
			_, _ = w.Write(text) // the test sees what is missing
		}
	}))
	defer holds.Close()
	drain(t, holds.URL+"/api/v2/orders", "none")
	if grown := <-most; grown <= longMemory {
		t.Errorf("an answer that is held as a whole takes %d MiB", grown>>20)
	}
}
