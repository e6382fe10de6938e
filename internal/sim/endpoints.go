package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// endpoints adds the calls beside lists and single records: what writes, the
// catalogue, carriers and packages. What writes is answered as if it had been done
// and changes nothing, so that the world stays a function of the seed.
func (s *Sim) endpoints(route func(pattern string, h func(w http.ResponseWriter, req *http.Request, st *store))) {
	route("GET /api/{version}/products/count", func(w http.ResponseWriter, _ *http.Request, _ *store) {
		answer(w, fmt.Appendf(nil, `{"success":true,"count":"%d"}`, len(catalogue())))
	})
	route("GET /api/{version}/products", serveProducts)
	route("GET /api/{version}/products/{id}", serveProduct)
	route("GET /api/{version}/packages", servePackages)
	route("GET /api/{version}/customers/{id}/orders", serveCustomerOrders)
	route("POST /api/{version}/orders", echo("order"))
	route("PUT /api/{version}/orders/{id}", echo("order"))
	route("DELETE /api/{version}/orders/{id}", done)
	route("POST /api/{version}/orders/{id}/complete", serveOrder)
	route("POST /api/{version}/orders/{id}/cancel", done)
	route("POST /api/{version}/orders/{id}/fulfillments", echo("fulfillment"))
	route("POST /api/{version}/customers", echo("customer"))
	route("PUT /api/{version}/customers/{id}", echo("customer"))
	route("DELETE /api/{version}/customers/{id}", done)
	route("GET /api/{version}/services/carriers", func(w http.ResponseWriter, _ *http.Request, _ *store) {
		answer(w, []byte(`{"success":true,"carriers":[`+carrierBody("car_1")+`],"page":{"next":null,"previous":null}}`))
	})
	route("GET /api/{version}/services/allowed", func(w http.ResponseWriter, _ *http.Request, _ *store) {
		answer(w, []byte(`{"success":true,"allowed":[{"id":"car_1","name":"Sparrow Post","allowed":"true"}]}`))
	})
	route("GET /api/{version}/services/carriers/{id}", serveCarrier)
	route("POST /api/{version}/services/carriers", serveCarrier)
	route("PUT /api/{version}/services/carriers/{id}", serveCarrier)
	route("DELETE /api/{version}/services/carriers/{id}", done)
	route("POST /api/{version}/services/carriers/actions", serveRates)
	route("POST /api/{version}/services/carriers/{id}/actions", serveRates)
}

func done(w http.ResponseWriter, _ *http.Request, _ *store) { answer(w, []byte(`{"success":true}`)) }

// echo answers with the object that was sent, under an id.
func echo(name string) func(w http.ResponseWriter, req *http.Request, st *store) {
	return func(w http.ResponseWriter, req *http.Request, st *store) {
		text, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
		var outer map[string]json.RawMessage
		if err != nil || json.Unmarshal(text, &outer) != nil {
			refuse(w, http.StatusBadRequest, "Invalid body")
			return
		}
		object := outer
		if inner, wrapped := outer[name]; wrapped {
			object = nil
			if json.Unmarshal(inner, &object) != nil {
				refuse(w, http.StatusBadRequest, "Invalid body")
				return
			}
		}
		id := req.PathValue("id")
		if id == "" || name == "fulfillment" {
			id = fmt.Sprintf("%d", 900_000+mix(st.seed, uint64(len(text)), 3)%90_000)
		}
		object["id"] = json.RawMessage(strconv.Quote(id))
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if e.Encode(map[string]any{"success": true, name: object}) != nil {
			refuse(w, http.StatusBadRequest, "Invalid body")
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if req.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		w.Write(b.Bytes())
	}
}

// catalogue is what every store sells.
func catalogue() []item {
	return []item{
		{name: "Enamel kettle, blue", sku: "KET-BLU-1", price: 3900}, {name: "Linen tea towel", sku: "TOW-LIN-2", price: 1250},
		{name: "Beeswax candle", sku: "CAN-BEE-3", price: 990}, {name: "Walnut serving board", sku: "BRD-WAL-4", price: 5400},
	}
}

func writeProduct(d *doc, n int) {
	it := catalogue()[n]
	d.open("")
	d.str("id", strconv.Itoa(7_400_000+n))
	d.str("name", it.name)
	d.str("sku", it.sku)
	d.cents("price", it.price)
	d.str("currency", "USD")
	d.int("quantity", 40+n)
	d.bool("requiresShipping", true)
	d.str("imageUrl", "https://cdn.example.com/p/"+it.sku+".png")
	d.openList("variants")
	d.open("")
	d.str("id", strconv.Itoa(8_800_000+n))
	d.str("sku", it.sku+"-S")
	d.cents("price", it.price)
	d.close()
	d.closeList()
	d.close()
}

func serveProducts(w http.ResponseWriter, _ *http.Request, st *store) {
	d := st.doc(nil)
	d.b = append(d.b, `{"success":true,"products":[`...)
	for n := range catalogue() {
		writeProduct(d, n)
	}
	d.b = append(d.b, `],"page":{"next":null,"previous":null}}`...)
	answer(w, d.b)
}

func serveProduct(w http.ResponseWriter, req *http.Request, st *store) {
	n := decimal(req.PathValue("id")) - 7_400_000
	if n < 0 || n >= len(catalogue()) {
		refuse(w, http.StatusNotFound, "Product not found")
		return
	}
	d := st.doc(nil)
	d.b = append(d.b, `{"success":true,"product":`...)
	writeProduct(d, n)
	d.close()
	answer(w, d.b)
}

func servePackages(w http.ResponseWriter, _ *http.Request, _ *store) {
	answer(w, []byte(`{"success":true,"packages":[{"id":"pkg_1","fulfillmentOrderId":"5501","quantity":"1","weight":"0.4"}],"page":{"next":null,"previous":null}}`))
}

// serveCustomerOrders answers with the newest order alone: a customer of this
// world is drawn from the order, not the other way round.
func serveCustomerOrders(w http.ResponseWriter, req *http.Request, st *store) {
	version := req.PathValue("version")
	d := st.doc(nil)
	d.b = append(d.b, `{"success":true,"orders":[`...)
	st.writeOrder(d, st.order(st.spec.Orders-1), version)
	d.b = append(d.b, `],"page":{"next":null,"previous":null}}`...)
	answer(w, d.b)
}

func carrierBody(id string) string {
	return `{"id":"` + id + `","name":"Sparrow Post","active":"true","type":"rates","createdAt":"2026-01-04T10:00:00Z"}`
}

func serveCarrier(w http.ResponseWriter, req *http.Request, _ *store) {
	id := req.PathValue("id")
	if id == "" {
		id = "car_2"
	}
	answer(w, []byte(`{"success":true,"carrier":`+carrierBody(id)+`}`))
}

func serveRates(w http.ResponseWriter, req *http.Request, _ *store) {
	var body struct {
		Destination struct{ Name, Street string }
	}
	if json.NewDecoder(io.LimitReader(req.Body, 1<<20)).Decode(&body) != nil || body.Destination.Street == "" {
		refuse(w, http.StatusBadRequest, "destination is required")
		return
	}
	answer(w, []byte(`[{"carrier":"Sparrow Post","service":"ground","serviceDescription":"Ground, insured","deliveryEstimate":"3 days",`+
		`"deliveryDate":{"date":"2026-11-27","dateDifference":3,"timeUnit":"days"},"totalPrice":"7.40","currency":"USD","branches":[]}]`))
}
