package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"strongroom/internal/audit"
	"strongroom/internal/authz"
)

// Reading the log is allowed to few, and recorded (DPP 3.6.5).
func TestAuditLog(t *testing.T) {
	f := serve(t, nil)
	f.store()
	as := header{"Authorization", "Bearer " + f.newKey(authz.Auditor)}
	var p struct {
		Events []struct {
			Class    int `json:"class_uid"`
			Metadata struct{ Sequence int64 }
		}
		Next string `json:"next_cursor"`
	}
	a := f.call("GET", "/v1/audit/events?limit=2", "", as)
	f.must(json.Unmarshal(a.body, &p))
	if len(p.Events) != 2 || p.Next == "" || p.Events[0].Class == 0 {
		t.Fatalf("%s", a.body)
	}
	last := p.Events[1].Metadata.Sequence
	a = f.call("GET", "/v1/audit/events?limit=1000&cursor="+p.Next, "", as)
	p.Next = ""
	f.must(json.Unmarshal(a.body, &p))
	if p.Events[0].Metadata.Sequence != last+1 || p.Next != "" {
		t.Errorf("the second page begins at %d after %d", p.Events[0].Metadata.Sequence, last)
	}
	if a := f.call("GET", "/v1/audit/checkpoint", "", as); a.status != 200 || !strings.HasPrefix(string(a.body), "example.test/log\n") {
		t.Errorf("%d %s", a.status, a.body)
	}
	var proof struct{ Proof, Leaf, Checkpoint string }
	f.get("GET", "/v1/audit/proof?index=0", "", &proof)
	if !strings.HasPrefix(proof.Proof, "c2sp.org/tlog-proof") || proof.Leaf == "" {
		t.Errorf("%+v", proof)
	}
	f.get("GET", "/v1/audit/consistency?from=1", "", nil)
	a = f.call("GET", "/v1/audit/export", "", as)
	report, err := audit.Verify(strings.NewReader(string(a.body)), f.log.Verifier().String(), nil)
	if err != nil {
		t.Errorf("the export does not verify: %v", err)
	}
	_ = report
	application := header{"Authorization", "Bearer " + f.newKey(authz.Application)}
	for _, path := range []string{"events", "checkpoint", "proof?index=0", "consistency?from=1", "export"} {
		if a := f.call("GET", "/v1/audit/"+path, "", application); a.status != 403 {
			t.Errorf("an application reads %s: %d", path, a.status)
		}
	}
}
