package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/jwe"
	"strongroom/internal/message"
	"strongroom/internal/web"
)

// Messages are the keys that calls and answers are sealed with. The verbs with an actor
// decide and record for themselves.
type Messages interface {
	Keys(ctx context.Context) (json.RawMessage, error)
	Open(ctx context.Context, request []byte) ([]byte, error)
	KeyOf(ctx context.Context, holder string) (jwe.PublicKey, error)
	Add(ctx context.Context, who strongroom.Actor, holder string, jwk []byte, until time.Time) (message.Client, error)
	List(ctx context.Context, who strongroom.Actor) ([]message.Client, error)
	Remove(ctx context.Context, who strongroom.Actor, id string) error
}

// jwksPath is where the public keys are (RFC 8615).
const jwksPath = "/.well-known/jwks.json"

// CodeUntrusted is the code of what is refused because it would show personal data to
// somebody who ends TLS and is not trusted.
const CodeUntrusted = "untrusted-tls"

func errUntrusted(what string) error {
	return strongroom.Faultf(strongroom.Denied, CodeUntrusted, "TLS ends at somebody who is not trusted, and %s", what).
		Advise("seal bodies to a key of /.well-known/jwks.json and send Accept: %s; see docs/message-encryption.md", jwe.Type)
}

// exposed reports whether a call passes somebody who must not read along.
func (a *API) exposed(c *call) bool {
	return a.o.Untrusted && !web.ConnOf(c.r.Context()).Unix
}

// isSealed reports whether the body of a call says it is sealed.
func (c *call) isSealed() bool {
	t, err := web.MediaType(c.r)
	return err == nil && t == jwe.Type
}

// envelope looks how a call and its answer are sealed, before anything is done.
func (a *API) envelope(c *call) error {
	wants := false
	for _, v := range c.r.Header.Values("Accept") {
		for one := range strings.SplitSeq(v, ",") {
			kind, _, _ := strings.Cut(one, ";")
			wants = wants || strings.EqualFold(strings.TrimSpace(kind), jwe.Type)
		}
	}
	seals := (c.route.raw == "" || c.route.Sealed) && !c.route.Public
	if a.exposed(c) && !wants && !c.showsNothing() {
		return errUntrusted("the answer would not be sealed")
	}
	if !wants {
		return nil
	}
	if !seals || c.who.ID == "" {
		return strongroom.Faultf(strongroom.Invalid, "accept", "the answer to this call cannot be sealed").Advise("leave Accept out, or see docs/message-encryption.md")
	}
	if a.o.Messages == nil {
		return strongroom.Faultf(strongroom.Unavailable, "messages", "this instance seals no answers")
	}
	var err error
	if c.seal, err = a.o.Messages.KeyOf(c.ctx, c.who.ID); err == nil && c.seal.IsZero() {
		err = strongroom.Faultf(strongroom.Invalid, "no-message-key", "no public key is registered to which your answers are sealed").
			Advise("have an owner or operator run: strongroom message add %s key.jwk", c.who.ID)
	}
	return err
}

// showsNothing reports whether a call says and shows nothing personal by itself: what is
// public and only read, and reads of a mirror, whose answers hold tokens.
func (c *call) showsNothing() bool {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return false
	}
	return c.route.Public || strings.HasPrefix(c.route.Path, mirrorPath)
}

// readBody reads a body, and opens it where it is sealed.
func (a *API) readBody(c *call, limit int64) ([]byte, error) {
	if !c.isSealed() {
		body, err := web.ReadBody(c.w, c.r, limit)
		if err == nil && len(body) > 0 && a.exposed(c) {
			err = errUntrusted("the body is not sealed")
		}
		return body, err
	}
	if a.o.Messages == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "messages", "this instance opens no sealed bodies")
	}
	sealed, err := web.ReadBody(c.w, c.r, limit+limit/3+4096) // Base64, and its header
	if err != nil || len(sealed) == 0 {
		return nil, err
	}
	text, err := a.o.Messages.Open(c.ctx, sealed)
	if err == nil && int64(len(text)) > limit {
		err = strongroom.Faultf(strongroom.TooLarge, "body", "the body has more than %d bytes", limit)
	}
	return text, err
}

type jwksIn struct{}

type messageKeyIn struct {
	Holder string          `json:"holder" doc:"the id of the service or person whose answers are sealed to the key"`
	JWK    json.RawMessage `json:"jwk" doc:"public EC key on P-256 as a JWK (RFC 7517)"`
	Until  time.Time       `json:"expires_at,omitzero" doc:"missing is no end"`
}

type oneMessageKeyIn struct {
	Key string `path:"key" doc:"the id of a registered key"`
}

type noMessageIn struct{}

type messageKeyOut struct {
	ID      string     `json:"id"`
	Holder  string     `json:"holder"`
	KID     string     `json:"kid" doc:"thumbprint of the key (RFC 7638)"`
	Added   time.Time  `json:"added_at"`
	Author  string     `json:"author"`
	Until   *time.Time `json:"expires_at,omitempty"`
	Damaged bool       `json:"damaged,omitempty" doc:"its row was changed in the database; it is no key"`
}

func (m messageKeyOut) resource() string { return m.ID }

func messageKeyOf(c message.Client) messageKeyOut {
	return messageKeyOut{ID: c.ID, Holder: c.Holder, KID: c.KID, Added: c.Added, Author: c.Author, Until: orNil(c.Until), Damaged: c.Damaged}
}

type messageKeyList struct {
	Keys []messageKeyOut `json:"keys"`
}

func messageRoutes() []Route {
	return []Route{
		defineRaw(Route{Method: "GET", Path: jwksPath, Public: true,
			Summary: "The public keys that bodies may be sealed to, the newest first (RFC 7517)."}, "200, a JWK set", jwks),
		define(Route{Method: "GET", Path: "/v1/message-keys", Action: "message.list",
			Summary: "The public keys to which answers are sealed."}, listMessageKeys),
		define(Route{Method: "POST", Path: "/v1/message-keys", Action: "message.add", Status: 201, Repeatable: true,
			Summary: "Register a public key of a service or person: its answers are sealed to the newest one where it sends `Accept: application/jose`."}, addMessageKey),
		define(Route{Method: "DELETE", Path: "/v1/message-keys/{key}", Action: "message.remove",
			Summary: "Take a registered key away at once."}, removeMessageKey),
	}
}

func (a *API) messages() (Messages, error) {
	if a.o.Messages == nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "messages", "this instance seals no messages")
	}
	return a.o.Messages, nil
}

func jwks(a *API, c *call, _ *jwksIn) error {
	ms, err := a.messages()
	if err != nil {
		return err
	}
	set, err := ms.Keys(c.ctx)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "public, max-age=300")
	return c.send(http.StatusOK, "application/jwk-set+json", set)
}

func listMessageKeys(a *API, ctx context.Context, who strongroom.Actor, _ *noMessageIn) (out messageKeyList, err error) {
	ms, err := a.messages()
	if err != nil {
		return out, err
	}
	list, err := ms.List(ctx, who)
	out.Keys = make([]messageKeyOut, len(list))
	for i, c := range list {
		out.Keys[i] = messageKeyOf(c)
	}
	return out, err
}

func addMessageKey(a *API, ctx context.Context, who strongroom.Actor, in *messageKeyIn) (messageKeyOut, error) {
	ms, err := a.messages()
	if err != nil {
		return messageKeyOut{}, err
	}
	c, err := ms.Add(ctx, who, in.Holder, in.JWK, in.Until)
	return messageKeyOf(c), err
}

func removeMessageKey(a *API, ctx context.Context, who strongroom.Actor, in *oneMessageKeyIn) (none, error) {
	ms, err := a.messages()
	if err != nil {
		return none{}, err
	}
	return none{}, ms.Remove(ctx, who, in.Key)
}
