package guard

import (
	"context"
	"testing"
)

// TestLeaverHandsOn: one that leaves when it was just told to lead has the next one
// lead; if there is none, the next to come does.
func TestLeaverHandsOn(t *testing.T) {
	me, other := &asking{told: make(chan bool, 1)}, &asking{told: make(chan bool, 1)}
	a := &asks{leads: true, waiting: []*asking{me, other}}
	me.told <- true
	if !a.leave(me) || !a.leads || len(a.waiting) != 1 || len(other.told) != 1 || !<-other.told {
		t.Fatal("nobody leads those who wait")
	}
	other.told <- true
	if !a.leave(other) || a.leads || len(a.waiting) != 0 {
		t.Fatal("who comes next does not lead")
	}
	other.taken = true
	if a.leave(other) {
		t.Error("one whose question is asked leaves")
	}
	if err := a.ask(ended(), nil, Together{}); err == nil || len(a.waiting) != 0 {
		t.Error("a call whose context has ended asks")
	}
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
