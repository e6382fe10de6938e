//go:build linux

package keys_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"strongroom/internal/keys"
)

const protectVar = "STRONGROOM_KEYS_TEST_PROTECT"

// In a process of its own, because there is no way back.
func TestProtectMemory(t *testing.T) {
	if os.Getenv(protectVar) != "" {
		if os.Getenv(protectVar) == "yes" {
			if err := keys.ProtectMemory(); err != nil {
				t.Fatal(err)
			}
		}
		limits, _ := os.ReadFile("/proc/self/limits")
		for line := range strings.Lines(string(limits)) {
			if strings.HasPrefix(line, "Max core file size") {
				t.Log("limit", strings.Join(strings.Fields(line)[4:6], " "))
			}
		}
		t.Log("dumpable", keys.Dumpable())
		return
	}
	run := func(how string) string {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestProtectMemory$", "-test.v")
		cmd.Env = append(os.Environ(), protectVar+"="+how)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if out := run("yes"); !strings.Contains(out, "limit 0 0") || !strings.Contains(out, "dumpable 0") {
		t.Errorf("protected: %s", out)
	}
	if out := run("no"); !strings.Contains(out, "dumpable 1") {
		t.Errorf("unprotected, so that the test can fail: %s", out)
	}
}
