package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"strongroom/internal/web"
)

// maxRefusal is how much of a refusal is read.
const maxRefusal = 64 << 10

// answerRefusal passes on that the platform refuses the call, with its status. Of
// its words those alone pass that say nothing of anybody.
func (c *call) answerRefusal(w http.ResponseWriter, a *answer) error {
	text, err := io.ReadAll(io.LimitReader(a.body, maxRefusal))
	if err != nil {
		text = nil // what it says is not passed on then
	}
	var said struct {
		Message json.RawMessage `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	_ = json.Unmarshal(text, &said) // it may be anything
	out := struct {
		Success bool   `json:"success"`
		Message string `json:"message"`
		Request string `json:"request,omitempty"`
	}{Message: "the platform answers " + strconv.Itoa(a.status) + "; what it says is withheld", Request: web.RequestID(w)}
	for _, m := range []json.RawMessage{said.Message, said.Error} {
		var s string
		if json.Unmarshal(m, &s) == nil && isPlain(s) {
			out.Message = s
			break
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	if c.method != http.MethodHead {
		_, _ = w.Write(body) // the caller may have gone
	}
	return nil
}

// plainWords are those of which a message can be made that names nobody.
const plainWords = ` a access already action allowed an and api are argument at bad be been body by can cannot
	cancelled carrier closed column complete completed conflict could count create customer customers date deleted
	does duplicate ecommerce empty error exceeded exist exists expired failed field fields filter for format found
	fulfilled fulfillment fulfillments from has have id ids implemented in integer invalid is item items it length
	limit location long many max maximum method min minimum missing more must name need needs no not null number
	object of offset only or order orders out package packages page parameter parameters permission permissions
	platform please product products quantity query range rate request required resource retry scope server service
	shop short sinceid sort status store string such supported the this to token too try type unauthorized unknown
	unprocessable unsupported update updated url valid validation value values version webhook webhooks while with
	wrong you your createdat updatedat v1 v2 v3 `

// isPlain reports whether a message is made of plain words alone.
func isPlain(s string) bool {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" .,:;!'\"()", r) })
	return len(words) > 0 && len(words) <= 20 && !slices.ContainsFunc(words, func(w string) bool {
		return !strings.Contains(plainWords, " "+w+" ") && !strings.Contains(plainWords, "\t"+w+" ") &&
			!strings.Contains(plainWords, " "+w+"\n")
	})
}
