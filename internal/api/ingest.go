package api

import (
	"net/http"
	"strconv"

	"strongroom"
	"strongroom/internal/jwe"
	"strongroom/internal/vault"
	"strongroom/internal/web"
)

type ingestIn struct {
	Store    string `path:"store" doc:"the store's id"`
	Resource string `query:"resource" must:"true" of:"orders order customers customer fulfillments fulfillment fulfilments fulfilment stores store webhook_delivery" doc:"orders, customers, fulfillments, stores, or webhook_delivery of an order; the singular and the British spelling are taken too"`
	Version  string `query:"version" must:"true" of:"v1 v2 v3" doc:"of the API it came from: v1, v2 or v3"`
	Platform string `query:"platform" doc:"the shop's platform, such as shopify; missing is the store's own"`
	Order    string `query:"order" doc:"the order's external id, where a fulfilment's body has none"`
}

func (in *ingestIn) with(body []byte) vault.In {
	return vault.In{
		Store: in.Store, Resource: in.Resource, Version: in.Version, Platform: in.Platform, Order: in.Order,
		How: "api", Body: body,
	}
}

func ingestRoutes() []Route {
	return []Route{
		defineRaw(Route{Method: "POST", Path: "/v1/stores/{store}/ingest", Action: "record.ingest", Sealed: true,
			Summary: "Seal an EcartAPI answer: a single object, a list, or one of them a line (application/x-ndjson)."},
			"the same JSON with tokens in place of personal values; the headers `Strongroom-Stored`, `Strongroom-Unchanged` and `Strongroom-Dead` count the objects (trailers of a stream)", ingest),
	}
}

// ndjson is the media type of one JSON value a line.
const ndjson = "application/x-ndjson"

func ingest(a *API, c *call, in *ingestIn) (err error) {
	if in.Platform == "" {
		if in.Platform, err = a.o.Vault.PlatformOf(c.ctx, in.Store); err != nil {
			return err
		}
	}
	switch t, err := web.MediaType(c.r); {
	case err != nil:
		return err
	case t == jwe.Type:
	case a.exposed(c) && t != "" && t != "application/json":
		return errUntrusted("lines cannot be sealed")
	case t == ndjson || t == "application/ndjson" || t == "application/jsonl":
		return a.bulk(c, in)
	case t != "" && t != "application/json":
		return strongroom.Faultf(strongroom.Invalid, web.CodeMediaType, "the body must be application/json or %s", ndjson).
			Advise("set Content-Type")
	}
	body, err := a.readBody(c, a.o.MaxBody)
	if err != nil {
		return err
	}
	out, err := a.o.Vault.Ingest(c.ctx, c.who, in.with(body))
	if err != nil {
		return err
	}
	count(c.w.Header(), out)
	return c.send(http.StatusOK, "application/json", out.Body)
}

// count tells in headers what became of the objects of a body.
func count(h http.Header, out *vault.Ingested) {
	h[headerStored] = []string{strconv.Itoa(out.Stored)}
	h[headerSame] = []string{strconv.Itoa(out.Unchanged)}
	h[headerDead] = []string{strconv.Itoa(out.Dead)}
}
