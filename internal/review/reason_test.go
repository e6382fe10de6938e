package review_test

import (
	"context"
	"testing"

	"strongroom"
	"strongroom/internal/review"
)

// A reason reads for the next person as it was written. Planted: plain text on two lines.
func TestReasonShowsAsItIs(t *testing.T) {
	o := enter(t)
	for text, refused := range map[string]bool{
		"works \u202eerehwesle": true, "works\u200b elsewhere": true, "\u2066works": true, "works <b": true, "works\x07": true,
		"works elsewhere,\nsince May": false,
	} {
		err := o.Decide(context.Background(), o.chief, strongroom.NewID("cmp"), []review.Decision{{Entry: 1, Verdict: review.Remove, Reason: review.Moved, Text: text}}, 0)
		if f, _ := err.(*strongroom.Fault); (f != nil && f.Code == "reason") != refused {
			t.Errorf("%+q: %v", text, err)
		}
	}
}
