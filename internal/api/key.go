package api

import (
	"context"
	"net/netip"
	"time"

	"strongroom"
	"strongroom/internal/identity"
)

type keyIn struct {
	Label     string    `json:"label" doc:"a name for people; sealed at rest"`
	Roles     []string  `json:"roles" doc:"owner, operator, privacy, security, auditor, application, provisioner"`
	Stores    []string  `json:"stores,omitempty" doc:"ids of the stores it may touch; they must be connected"`
	AllStores bool      `json:"all_stores,omitempty"`
	Expires   time.Time `json:"expires_at,omitzero" doc:"a year from now if missing; at most key_max_life of the configuration from now"`
	Networks  []string  `json:"networks,omitempty" doc:"addresses with prefix length it may be used from"`
}

// keyOut leaves out of a damaged account everything but id and state.
type keyOut struct {
	ID        string     `json:"id"`
	State     string     `json:"state" doc:"live, revoked, or damaged: its row was changed in the database and the key is good for nothing"`
	Label     string     `json:"label,omitzero"`
	Roles     []string   `json:"roles,omitzero"`
	Stores    []string   `json:"stores,omitzero"`
	AllStores bool       `json:"all_stores"`
	Networks  []string   `json:"networks,omitzero"`
	Created   time.Time  `json:"created_at,omitzero"`
	Expires   time.Time  `json:"expires_at,omitzero"`
	Revoked   *time.Time `json:"revoked_at,omitempty"`
	Used      *time.Time `json:"used_at,omitempty"`
	Secret    string     `json:"api_key,omitempty" doc:"shown this once"`
}

func (k keyOut) resource() string { return k.ID }

type keyPage struct {
	Keys []keyOut `json:"keys"`
	Next string   `json:"next_cursor"`
}

type oneKeyIn struct {
	ID string `path:"id" doc:"the key's id"`
}

type rotateIn struct {
	ID      string `path:"id" doc:"the key's id"`
	Overlap int64  `json:"overlap_seconds,omitempty" doc:"how long the old secret stays good; 0 ends it at once"`
}

func keyRoutes() []Route {
	return []Route{
		define(Route{Method: "POST", Path: "/v1/keys", Action: "key.add", Status: 201, Repeatable: true,
			Summary: "Make a service account with an API key, shown once."}, addKey),
		define(Route{Method: "GET", Path: "/v1/keys", Action: "key.list",
			Summary: "List service accounts, without secrets."}, listKeys),
		define(Route{Method: "POST", Path: "/v1/keys/{id}/rotate", Action: "key.rotate", BodyOptional: true, Repeatable: true,
			Summary: "Give an account a new key, shown once."}, rotateKey),
		define(Route{Method: "DELETE", Path: "/v1/keys/{id}", Action: "key.revoke", Status: 204,
			Summary: "Revoke a key at once and for good."}, revokeKey),
	}
}

func addKey(a *API, ctx context.Context, who strongroom.Actor, in *keyIn) (keyOut, error) {
	nets, err := networks(in.Networks)
	if err != nil {
		return keyOut{}, err
	}
	k, secret, err := a.o.Identity.CreateKey(ctx, who, identity.KeySpec{
		Label: in.Label, Roles: in.Roles, Stores: in.Stores, AllStores: in.AllStores, Expires: in.Expires, Networks: nets,
	})
	return outKey(k, secret), err
}

func listKeys(a *API, ctx context.Context, who strongroom.Actor, in *pageIn) (keyPage, error) {
	list, next, err := a.o.Identity.Keys(ctx, who, in.Cursor, pageSize(in.Limit))
	out := keyPage{Keys: make([]keyOut, len(list)), Next: next}
	for i, k := range list {
		out.Keys[i] = outKey(k, identity.Secret{})
	}
	return out, err
}

func rotateKey(a *API, ctx context.Context, who strongroom.Actor, in *rotateIn) (keyOut, error) {
	if in.Overlap < 0 || in.Overlap > int64(identity.MaxOverlap/time.Second) {
		in.Overlap = -1 // refused, and recorded, where it is decided
	}
	k, secret, err := a.o.Identity.RotateKey(ctx, who, in.ID, time.Duration(in.Overlap)*time.Second)
	return outKey(k, secret), err
}

func revokeKey(a *API, ctx context.Context, who strongroom.Actor, in *oneKeyIn) (none, error) {
	return none{}, a.o.Identity.RevokeKey(ctx, who, in.ID)
}

func networks(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		p, err := parseNetwork(s)
		if err != nil {
			return nil, err
		}
		out[i] = p.Masked()
	}
	return out, nil
}

// parseNetwork reads an address with the length of its prefix. The words hold no
// address as an example: none leaves in a refusal.
func parseNetwork(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, strongroom.Faultf(strongroom.Invalid, "networks", "a network is an address, a slash and the length of the prefix").
			Advise("a single address ends in /32, one of IPv6 in /128")
	}
	return p, nil
}

func outKey(k identity.Key, secret identity.Secret) keyOut {
	if k.Damaged {
		return keyOut{ID: k.ID, State: "damaged"}
	}
	state := "live"
	if !k.Revoked.IsZero() {
		state = "revoked"
	}
	out := keyOut{
		ID: k.ID, State: state, Label: k.Label, Roles: k.Roles, Stores: k.Stores, AllStores: k.AllStores, Networks: make([]string, len(k.Networks)),
		Created: k.Created, Expires: k.Expires, Revoked: orNil(k.Revoked), Used: orNil(k.Used), Secret: secret.Reveal(),
	}
	if out.Stores == nil {
		out.Stores = []string{}
	}
	for i, n := range k.Networks {
		out.Networks[i] = n.String()
	}
	return out
}
