package audit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/tlog"
)

// exported returns the export of a log that was continued once, and its newest
// checkpoint.
func exported(t testing.TB) (export, note []byte) {
	t.Helper()
	f := startedLog(t, dbtest.Engine(t))
	f.add(t, 40)
	if err := f.Continue(ctx, "drill", personID); err != nil {
		t.Fatal(err)
	}
	f.add(t, 60)
	export = f.export(t)
	note, _, err := f.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	return export, note
}

// tamper is a way to change an export. It returns what it made of the lines;
// lines 0 and the last are head and checkpoint.
type tamper struct {
	name string
	do   func(r *rand.Rand, lines [][]byte, older []byte) [][]byte
}

func tampers() []tamper {
	pick := func(r *rand.Rand, lines [][]byte) int { return r.IntN(len(lines)) }
	event := func(r *rand.Rand, lines [][]byte) int {
		for {
			if i := pick(r, lines); bytes.HasPrefix(lines[i], []byte(`{"index":`)) {
				return i
			}
		}
	}
	return []tamper{
		{"bit flipped", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := pick(r, lines)
			lines[i][r.IntN(len(lines[i]))] ^= 1 << r.IntN(8)
			return lines
		}},
		{"byte inserted", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := pick(r, lines)
			lines[i] = slices.Insert(lines[i], r.IntN(len(lines[i])+1), byte(r.IntN(256)))
			return lines
		}},
		{"byte removed", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := pick(r, lines)
			j := r.IntN(len(lines[i]))
			lines[i] = slices.Delete(lines[i], j, j+1)
			return lines
		}},
		{"value edited", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := event(r, lines)
			before := bytes.Clone(lines[i])
			for _, p := range [][2]string{{`"leaves":`, `"leaves":1`}, {`"status_id":1`, `"status_id":2`}, {`"reason":"drill"`, `"reason":"move"`}} {
				lines[i] = bytes.Replace(lines[i], []byte(p[0]), []byte(p[1]), 1)
				if !bytes.Equal(before, lines[i]) {
					break
				}
			}
			return lines
		}},
		{"line dropped", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := pick(r, lines)
			return slices.Delete(lines, i, i+1)
		}},
		{"events dropped", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := event(r, lines)
			return slices.Delete(lines, i, min(i+1+r.IntN(10), len(lines)-1))
		}},
		{"event dropped, rest numbered again", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := event(r, lines)
			return renumber(slices.Delete(lines, i, i+1))
		}},
		{"event doubled", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := pick(r, lines)
			return slices.Insert(lines, i, bytes.Clone(lines[i]))
		}},
		{"event doubled, rest numbered again", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := event(r, lines)
			return renumber(slices.Insert(lines, i, bytes.Clone(lines[i])))
		}},
		{"lines swapped", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i, j := pick(r, lines), pick(r, lines)
			lines[i], lines[j] = lines[j], lines[i]
			return lines
		}},
		{"events swapped, numbers kept", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i, j := event(r, lines), event(r, lines)
			lines[i], lines[j] = lines[j], lines[i]
			return renumber(lines)
		}},
		{"cut", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			return lines[:r.IntN(len(lines))]
		}},
		{"cut in a line", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			i := pick(r, lines)
			lines[i] = lines[i][:r.IntN(len(lines[i]))]
			return lines[:i+1]
		}},
		{"newest events cut, checkpoint kept", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			n := len(lines)
			return slices.Delete(lines, n-1-1-r.IntN(20), n-1)
		}},
		{"signed with another key", func(r *rand.Rand, lines [][]byte, older []byte) [][]byte {
			lines[len(lines)-1] = older
			return lines
		}},
		{"something appended", func(r *rand.Rand, lines [][]byte, _ []byte) [][]byte {
			return append(lines, bytes.Clone(lines[r.IntN(len(lines))]))
		}},
	}
}

// renumber makes the indexes of each log gapless again.
func renumber(lines [][]byte) [][]byte {
	next := 0
	for i, l := range lines {
		if bytes.HasPrefix(l, []byte(`{"log":`)) {
			next = 0
		}
		if bytes.HasPrefix(l, []byte(`{"index":`)) {
			_, rest, _ := bytes.Cut(l, []byte(`,"event":`))
			lines[i] = fmt.Appendf(nil, `{"index":%d,"event":%s`, next, rest)
			next++
		}
	}
	return lines
}

// Obligation 3.6.6: logs are safe from tampering, and it is seen.
func TestObligation_3_6_6_ThousandTamperings(t *testing.T) {
	export, note := exported(t)
	key := verifierText(t)
	report, err := audit.Verify(bytes.NewReader(export), key, note)
	if err != nil || report.Events != 101 || report.Logs != 2 || len(report.Breaks) != 1 {
		t.Fatalf("the untouched export: %+v, %v", report, err)
	}
	foreign := checkpointLine(t, otherSigner(t), report.Checkpoint)

	r := rand.New(rand.NewPCG(11, 20))
	kinds := tampers()
	tried, found := 0, 0
	for tried < 1000 {
		k := kinds[tried%len(kinds)]
		lines := bytes.SplitAfter(bytes.Clone(export), []byte("\n"))
		lines = lines[:len(lines)-1] // what follows the last line
		for i := range lines {
			lines[i] = slices.Clone(lines[i])
		}
		changed := bytes.Join(k.do(r, lines, foreign), nil)
		if bytes.Equal(changed, export) {
			continue // this one changed nothing; draw again
		}
		tried++
		_, err := audit.Verify(bytes.NewReader(changed), key, nil)
		if strongroom.IsKind(err, strongroom.Invalid) {
			found++
		} else {
			t.Errorf("%s: not found (%v)", k.name, err)
		}
	}
	if found != 1000 {
		t.Errorf("%d of %d tamperings were found", found, tried)
	}
	t.Logf("%d tamperings tried, %d found", tried, found)
}

// An export that was cut and closed with an older checkpoint of the same key can
// only be told by a newer checkpoint kept elsewhere.
// Obligation 3.6.6: truncation of the newest records is detectable.
func TestObligation_3_6_6_OlderExportNeedsNewerCheckpoint(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	f.add(t, 30)
	older := f.export(t)
	f.add(t, 30)
	newer := f.export(t)
	note, _, err := f.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	key := verifierText(t)
	if _, err := audit.Verify(bytes.NewReader(older), key, nil); err != nil {
		t.Errorf("the older export alone: %v", err)
	}
	if _, err := audit.Verify(bytes.NewReader(older), key, note); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("the older export against a newer checkpoint: %v, want invalid", err)
	}
	if _, err := audit.Verify(bytes.NewReader(newer), key, note); err != nil {
		t.Errorf("the newer export: %v", err)
	}
	// A log rewritten under the same key differs from the checkpoint kept.
	g := startedLog(t, dbtest.Engine(t))
	g.clock.SetOffset(1e9)
	g.add(t, 60)
	if _, err := audit.Verify(bytes.NewReader(g.export(t)), key, note); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("a rewritten log: %v, want invalid", err)
	}
	// And a checkpoint older than the export is inside it.
	lines := bytes.SplitAfter(older, []byte("\n"))
	inside := strings.TrimSuffix(strings.TrimPrefix(string(lines[len(lines)-2]), `{"checkpoint":"`), "\"}\n")
	if _, err := audit.Verify(bytes.NewReader(newer), key, []byte(strings.ReplaceAll(inside, `\n`, "\n"))); err != nil {
		t.Errorf("the newer export against an older checkpoint: %v", err)
	}
}

func TestVerifyRefusesKeys(t *testing.T) {
	export, _ := exported(t)
	other := otherSigner(t)
	if _, err := audit.Verify(bytes.NewReader(export), other.Verifier().String(), nil); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("another key: %v", err)
	}
	if _, err := audit.Verify(bytes.NewReader(export), "nonsense", nil); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("no key: %v", err)
	}
	if _, err := audit.Verify(bytes.NewReader(export), verifierText(t), []byte("nonsense")); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("no checkpoint: %v", err)
	}
	if _, err := audit.Verify(strings.NewReader(strings.Repeat("x", 1<<22)), verifierText(t), nil); !strongroom.IsKind(err, strongroom.Invalid) {
		t.Errorf("an endless line: %v", err)
	}
}

func otherSigner(t testing.TB) *tlog.Signer {
	t.Helper()
	s, err := tlog.NewSigner(origin, otherKey())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func checkpointLine(t testing.TB, s *tlog.Signer, c tlog.Checkpoint) []byte {
	t.Helper()
	note, err := c.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(`{"checkpoint":"` + strings.ReplaceAll(string(note), "\n", `\n`) + "\"}\n")
}

func FuzzVerify(f *testing.F) {
	export, note := exported(f)
	key := verifierText(f)
	f.Add(export)
	f.Add([]byte("{\"strongroom_log\":1,\"key\":\"x\"}\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, err := audit.Verify(bytes.NewReader(in), key, note)
		if err == nil && !bytes.Equal(in, export) {
			t.Fatal("another export verifies against the same checkpoint")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	f := startedLog(b, dbtest.Engine(b))
	for range 20 {
		f.add(b, 500)
	}
	export, key := f.export(b), verifierText(b)
	b.SetBytes(int64(len(export)))
	for b.Loop() {
		if _, err := audit.Verify(bytes.NewReader(export), key, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "events/s")
}
