package apptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
)

// inFlight is how many callers are on the way when their right ends.
const inFlight = 16

// TestObligation_2_2_12_NothingIsDecidedAfterTheEnd: callers with one key, or one
// session, ingest, reveal and make keys without a pause; the key or the session ends
// in their midst. The log is one order of all decisions: behind the end there is none
// for them. Others, who are planted, go on.
func TestObligation_2_2_12_NothingIsDecidedAfterTheEnd(t *testing.T) {
	i := apptest.Start(t, apptest.Options{Owner: app.FirstOwner{Name: apptest.OwnerName, Email: apptest.OwnerEmail}})
	store := i.AddStore("shop", "shopify")
	record := i.Take(store, apptest.NewOrder(1, time.Now()))
	service := func() (id, key string) {
		var made struct {
			ID  string `json:"id"`
			Key string `json:"api_key"`
		}
		i.Want(http.StatusCreated, apptest.Request{Path: "/v1/keys", Body: map[string]any{
			"label": "worker", "roles": []string{"test-everything"}, "all_stores": true}}, &made)
		return made.ID, made.Key
	}
	p := person{Instance: i}
	_, link, _ := strings.Cut(i.Made.Link, "#")
	p.enrol(link)
	for _, kind := range []string{"data-protection", "it-security"} {
		i.Want(http.StatusNoContent, apptest.Request{Path: "/v1/trainings",
			Body: map[string]string{"person": i.Made.Owner, "topic": kind, "version": "1"}}, nil)
	}
	p.signIn()
	var open struct{ Sessions []struct{ ID string } }
	p.want(http.StatusOK, "GET", "/v1/sessions", nil, &open)
	session := open.Sessions[0].ID
	browser := http.Header{"User-Agent": {personAgent}}
	id, key := service()
	_, other := service()
	for name, c := range map[string]struct {
		account, key string
		header       http.Header
		calls        []func(key string, n int) apptest.Request
		end          apptest.Request
		action       string
	}{
		"a key": {id, key, nil, []func(string, int) apptest.Request{ingesting(store), revealing(store, record), keying},
			apptest.Request{Method: "DELETE", Path: "/v1/keys/" + id}, "key.revoke"},
		"a session": {i.Made.Owner, p.token, browser, []func(string, int) apptest.Request{keying, naming},
			apptest.Request{Method: "DELETE", Path: "/v1/sessions/" + session}, "session.revoke"},
	} {
		t.Run(name, func(t *testing.T) {
			var stop atomic.Bool
			var wg sync.WaitGroup
			var done [2]atomic.Int64
			for n := range inFlight {
				wg.Go(func() {
					for k := n; !stop.Load(); k += inFlight {
						for who, key := range []string{c.key, other} {
							r := c.calls[k%len(c.calls)](key, k)
							if who == 0 {
								r.Header = c.header
							}
							a, err := i.Do(r)
							if err != nil {
								t.Error(err)
								return
							}
							if a.Status < 300 {
								done[who].Add(1)
							} else if a.Status != http.StatusUnauthorized && a.Status != http.StatusTooManyRequests || who == 1 {
								// Whom nobody knows any more has a limit by source, too.
								t.Errorf("%s %s: %d %s", r.Method, r.Path, a.Status, a.Body)
							}
						}
					}
				})
			}
			time.Sleep(300 * time.Millisecond)
			i.Want(http.StatusNoContent, c.end, nil)
			time.Sleep(150 * time.Millisecond)
			stop.Store(true)
			wg.Wait()
			before, after, planted := tally(t, i, c.account, c.action)
			t.Logf("%d before the end, %d of others behind it; %d and %d calls", before, planted, done[0].Load(), done[1].Load())
			if after > 0 || before < inFlight || planted == 0 {
				t.Errorf("decided for it: %d before the end, %d behind it; for others behind it: %d", before, after, planted)
			}
		})
	}
}

// tally counts the decisions for an account before and behind the last event of an
// action, and those for others behind it.
func tally(t *testing.T, i *apptest.Instance, account, action string) (before, after, others int) {
	t.Helper()
	type event struct {
		API   struct{ Operation string }
		Actor struct {
			User struct {
				UID string `json:"uid"`
			}
		}
		Status string
		Action int `json:"action_id"`
	}
	var list []event
	end := -1
	for n, text := range i.Events() {
		var e event
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		if list = append(list, e); e.API.Operation == action {
			end = n
		}
	}
	for n, e := range list {
		switch allowed := e.Status == "Success" && e.Action != 2; {
		case !allowed || n == end:
		case e.Actor.User.UID != account && n > end:
			others++
		case e.Actor.User.UID == account && n > end:
			after++
		case e.Actor.User.UID == account:
			before++
		}
	}
	return before, after, others
}

func ingesting(store string) func(string, int) apptest.Request {
	return func(key string, n int) apptest.Request {
		r := apptest.In{Store: store, Resource: "orders", Version: "v2"}.Request(apptest.NewOrder(1000+n, time.Now()).JSON())
		r.Key = key
		return r
	}
}

func revealing(store, record string) func(string, int) apptest.Request {
	return func(key string, _ int) apptest.Request {
		r := apptest.Revealing(store, record)
		r.Key = key
		return r
	}
}

func keying(key string, n int) apptest.Request {
	return apptest.Request{Path: "/v1/keys", Key: key, Body: map[string]any{
		"label": fmt.Sprintf("made-%d", n), "roles": []string{"application"}, "all_stores": true}}
}

func naming(key string, n int) apptest.Request {
	return apptest.Request{Path: "/v1/stores", Key: key, Body: map[string]any{"name": fmt.Sprintf("store-%d", n), "platform": "shopify"}}
}
