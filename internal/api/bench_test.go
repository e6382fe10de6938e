package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// send makes one request on a client of its own pool; the answer is read and
// thrown away.
func (f *fixture) send(c *http.Client, path, body string) {
	req, err := http.NewRequest("POST", f.base+path, strings.NewReader(body))
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+f.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	f.must(err)
	_, err = io.Copy(io.Discard, res.Body)
	f.must(err)
	if res.Body.Close(); res.StatusCode != 200 {
		f.t.Errorf("status %d", res.StatusCode)
	}
}

func benchClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}

const benchOrder = `{"id":"%d","createdAt":"2026-10-19T10:00:00.000Z","updatedAt":"2026-10-19T10:00:00.000Z","email":"p%d@example.com","status":{"status":"open"},"customer":{"firstName":"Ada","lastName":"Larkspur","email":"p%d@example.com","phone":"+1 206 555 0164"},"shippingAddress":{"address1":"12 Alder Way","city":"Tacoma","postalCode":"98402","country":{"code":"US"}},"items":[{"id":"1","name":"Lamp","price":12.50,"quantity":1}]}`

// BenchmarkIngest is a single ingest over HTTP with 32 callers.
func BenchmarkIngest(b *testing.B) {
	f := serve(b, nil)
	_, store := f.store()
	client := benchClient()
	var n atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			f.send(client, store+"/ingest?resource=orders&version=v2&platform=shopify", fmt.Sprintf(benchOrder, i, i, i))
		}
	})
}

// BenchmarkFloor is the same server and client over a handler that does nothing.
func BenchmarkFloor(b *testing.B) {
	f := &fixture{t: b, words: new(buffer)}
	f.listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"ok":true}`)
	}), nil)
	client := benchClient()
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f.send(client, "/x", fmt.Sprintf(benchOrder, 1, 1, 1))
		}
	})
}

// BenchmarkRead is a read of one record over HTTP with 32 callers.
func BenchmarkRead(b *testing.B) {
	f := serve(b, nil)
	_, store := f.store()
	f.get("POST", store+"/ingest?resource=orders&version=v2&platform=shopify", fmt.Sprintf(benchOrder, 1, 1, 1), nil)
	var list page
	f.get("GET", store+"/records?kind=orders", "", &list)
	path := store + "/records/" + list.Records[0].ID
	client := benchClient()
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequest("GET", f.base+path, nil)
			f.must(err)
			req.Header.Set("Authorization", "Bearer "+f.key)
			res, err := client.Do(req)
			f.must(err)
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	})
}
