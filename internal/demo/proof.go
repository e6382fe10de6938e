package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"strongroom/internal/audit"
)

// verify exports the log and checks it with its public key alone; then it cuts a
// line out, and the check has to notice.
func (t *tour) verify(ctx context.Context) error {
	log, _, err := t.api.raw(ctx, http.MethodGet, "/v1/audit/export", "", nil)
	if err != nil {
		return err
	}
	checkpoint, _, err := t.api.raw(ctx, http.MethodGet, "/v1/audit/checkpoint", "", nil)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{"log.ndjson": log, "log.checkpoint": checkpoint, "log.key": []byte(t.made.LogKey + "\n")} {
		if err := os.WriteFile(t.path(name), text, 0o600); err != nil {
			return err
		}
	}
	report, err := audit.Verify(bytes.NewReader(log), t.made.LogKey, nil)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(log, []byte("\n"))
	middle := len(lines) / 2
	cut := bytes.Join(append(append([][]byte{}, lines[:middle]...), lines[middle+1:]...), nil)
	if _, err := audit.Verify(bytes.NewReader(cut), t.made.LogKey, nil); err == nil {
		return errors.New("a log with a line cut out verifies as well")
	}
	t.result.LogVerified = true
	t.out.say("%s events verify with the public key alone; with one line cut out they do not.", count(report.Events))
	t.out.say("strongroom audit verify %s --key @%s", t.path("log.ndjson"), t.path("log.key"))
	return nil
}

// searchAll proves that the search finds what is planted, then searches every
// file under the folder. Without staying, the instance is stopped before, so that
// its last bytes are searched as well.
func (t *tour) searchAll(ctx context.Context) error {
	metrics, _, err := t.api.raw(ctx, http.MethodGet, "/metrics", "", nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.path("metrics.txt"), metrics, 0o600); err != nil {
		return err
	}
	if !t.o.Stay {
		if err := t.stopServing(); err != nil {
			return err
		}
	}
	forms, err := t.plant()
	if err != nil {
		return err
	}
	began := time.Now()
	sw, err := t.search.Folder(t.o.Dir)
	if err != nil {
		return err
	}
	leaks := int64(len(sw.Hits)) + t.inClear.Load()
	t.result.Leaks = &leaks
	t.out.say("A value planted in %d forms was found %d times, and removed again.", forms, forms)
	t.out.say("Then %s values of people and shops were searched for, in all forms: text in any case,", count(t.search.Values()))
	t.out.say("JSON, HTML, percent, Base64, hex and UTF-16; in %s files, %.1f MB: database, write-ahead", count(sw.Files), float64(sw.Bytes)/1e6)
	t.out.say("log, keys, every log line, metrics, audit log. Found: %d, in %d ms.", len(sw.Hits), time.Since(began).Milliseconds())
	for i, h := range sw.Hits {
		if i == 10 {
			t.out.say("… and %d more", len(sw.Hits)-i)
			break
		}
		t.out.say("%s", h)
	}
	t.out.say("Every answer of this tour but those of reveals was searched as well. Found: %d.", t.inClear.Load())
	if leaks > 0 {
		return fmt.Errorf("%d personal values were found in clear", leaks)
	}
	return nil
}

// plant writes a value in every form into a file, looks for it and removes it.
// It returns the number of forms.
func (t *tour) plant() (int, error) {
	value := ""
	for _, v := range t.values {
		if strings.Contains(v, "@") {
			value = v
			break
		}
	}
	wide := make([]byte, 0, 2*len(value))
	for _, c := range []byte(value) {
		wide = append(wide, c, 0)
	}
	b64 := base64.StdEncoding.EncodeToString
	forms := []string{
		value, strings.ToUpper(value), url.QueryEscape(value), hex.EncodeToString([]byte(value)), string(wide),
		b64([]byte(value)), b64([]byte("a" + value)), b64([]byte("ab" + value)),
	}
	path := t.path("planted")
	for _, form := range forms {
		if err := os.WriteFile(path, append([]byte("…\x00"), form...), 0o600); err != nil {
			return 0, err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		if len(t.search.Bytes(text)) == 0 {
			return 0, errors.New("the search does not find a value planted for it")
		}
	}
	sw, err := t.search.Folder(t.o.Dir)
	if err != nil {
		return 0, err
	}
	found := false
	for _, h := range sw.Hits {
		found = found || h.File == path
	}
	if !found {
		return 0, errors.New("the search of the folder passes the planted file by")
	}
	return len(forms), os.Remove(path)
}

// summary prints the measured table.
func (t *tour) summary() {
	fmt.Fprintf(t.out.w, "\n%s\n", t.out.style("1;36", "    Measured"))
	rows := [][]string{{"", "COUNT", "A SECOND", "P50", "P99"}}
	for _, m := range t.speeds {
		row := []string{m.what, count(m.n), count(int64(m.rate)), "", ""}
		if m.p50 > 0 {
			row[3], row[4] = millis(m.p50), millis(m.p99)
		}
		rows = append(rows, row)
	}
	t.out.table(rows)
	n := max(t.result.Ingested, 1)
	t.out.say("%s bytes on disk an order of %s bytes, indexes, keys and log included; write-ahead log %.1f MB", count(t.table/n), count(t.plain/n), float64(t.ahead)/1e6)
	t.out.say("the tour took %.1f s", time.Since(t.began).Seconds())
}

// whereNext says what to type while it serves.
func (t *tour) whereNext() {
	fmt.Fprintf(t.out.w, "\n%s\n", t.out.style("1;36", "    Still serving, until Ctrl-C"))
	t.out.table([][]string{
		{"API", t.url + "/v1, described at " + t.url + "/openapi.json"},
		{"API key", t.path("api.key")},
		{"simulator", t.simURL},
		{"log", t.path("strongroom.log")},
		{"docs", "docs/quick-start.md, docs/api.md"},
	})
	t.out.say("curl -H \"Authorization: Bearer $(cat %s)\" %s/v1/stores", t.path("api.key"), t.url)
	t.out.say("strongroom record list %s --data %s", t.shops[1].id, t.made.Data)
	t.out.say("strongroom doctor --data %s", t.made.Data)
}
