package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// AppID is the id of the application that the stores of the world are integrated with.
const AppID = "app_66aa0f61d2"

// momentForm is how the moment of an integration is written, and signed.
const momentForm = "2006-01-02T15:04:05.000Z"

// account is the owner of the application.
type account struct {
	mu         sync.Mutex
	callback   string               // where the browser of a shop's owner is sent
	integrated map[*store]time.Time // of the older flow
}

// ClientID returns the token of the account: another form than that of a store.
func (s *Sim) ClientID() string {
	h := sha256.Sum256([]byte(fmt.Sprint("client ", s.o.Seed)))
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		enc.EncodeToString(fmt.Appendf(nil, `{"iss":"%X","iat":1762600000613}`, h[:16])) + "." + enc.EncodeToString(h[:])
}

// SetCallback says where the page of the application sends browsers back to.
func (s *Sim) SetCallback(address string) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.callback = address
}

func (s *Sim) sign(message string) string {
	mac := hmac.New(sha256.New, []byte(s.ClientID()))
	mac.Write([]byte(message))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Callback returns the query with which a browser comes back after the owner of a
// store agreed.
func (s *Sim) Callback(name string) url.Values {
	st := s.find(name)
	p := st.person(kindOwner, 0)
	return url.Values{
		"access_token": {st.info.Token}, "ecommerce": {st.spec.Platform}, "url": {"https://" + st.spec.Name},
		"name": {p.first + " " + p.last}, "token": {fmt.Sprintf("platform_%016x", st.seed)}, "refreshToken": {fmt.Sprintf("refresh_%016x", st.seed)},
		"userId": {fmt.Sprintf("usr_%06x", st.seed&0xFFFFFF)}, "ecartapi_key": {s.sign(AppID + "&" + st.info.Token)},
	}
}

// ShopCallback returns the query of the older flow for a store that was integrated at
// a time: the token has to be fetched.
func (s *Sim) ShopCallback(name string, at time.Time) url.Values {
	st := s.find(name)
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	if s.account.integrated == nil {
		s.account.integrated = map[*store]time.Time{}
	}
	s.account.integrated[st] = at
	return url.Values{"shop_id": {st.shopID()}, "key": {s.sign(at.UTC().Format(momentForm))}}
}

func (st *store) shopID() string { return fmt.Sprintf("66aa%08x", uint32(st.seed)) }

// accountRoutes adds what bears the token of the account, and the page of the
// application, which agrees for the owner at once.
func (s *Sim) accountRoutes(mux *http.ServeMux) {
	owner := func(pattern string, h http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			if strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ") != s.ClientID() {
				refuse(w, http.StatusUnauthorized, "Invalid token")
				return
			}
			h(w, req)
		})
	}
	owner("GET /api/{version}/accesses/me/{shop}", s.serveAccess)
	owner("POST /api/{version}/authorize", s.serveAuthorize)
	mux.HandleFunc("GET /oauth/{app}", s.servePage)
}

func (s *Sim) serveAccess(w http.ResponseWriter, req *http.Request) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	for st, at := range s.account.integrated {
		if st.shopID() != req.PathValue("shop") {
			continue
		}
		text, _ := json.Marshal(map[string]any{ // strings and numbers always marshal
			"active": true, "deleted": false, "requests": 0, "error_counter": 0, "_id": st.shopID(), "app_id": AppID, "user_id": "usr_owner",
			"access_token": st.info.Token, "integrated_at": at.UTC().Format(momentForm),
			"access": map[string]string{"ecommerce": st.spec.Platform, "url": "https://" + st.spec.Name, "token": "platform_token"},
		})
		answer(w, text)
		return
	}
	refuse(w, http.StatusNotFound, "Access not found")
}

// serveAuthorize makes an access of the platform's own credentials: the store whose
// address is named, with the password "open sesame".
func (s *Sim) serveAuthorize(w http.ResponseWriter, req *http.Request) {
	var in map[string]string
	if err := json.NewDecoder(io.LimitReader(req.Body, 1<<16)).Decode(&in); err != nil || in["password"] != "open sesame" {
		refuse(w, http.StatusBadRequest, "Invalid credentials")
		return
	}
	for _, st := range s.stores {
		if in["url"] == "https://"+st.spec.Name && in["ecommerce"] == st.spec.Platform {
			text, _ := json.Marshal(map[string]any{
				"access":       map[string]string{"ecommerce": st.spec.Platform, "url": in["url"], "token": "platform_token", "redirect_url": ""},
				"access_token": st.info.Token,
			})
			answer(w, text)
			return
		}
	}
	refuse(w, http.StatusBadRequest, "No such shop")
}

// servePage sends the browser back as if the owner had agreed. The store is named by
// the parameter url, the first if it is not.
func (s *Sim) servePage(w http.ResponseWriter, req *http.Request) {
	s.account.mu.Lock()
	callback := s.account.callback
	s.account.mu.Unlock()
	if req.PathValue("app") != AppID || callback == "" {
		refuse(w, http.StatusNotFound, "No such app")
		return
	}
	name := s.stores[0].spec.Name
	if u := req.URL.Query().Get("url"); u != "" {
		name = strings.TrimPrefix(u, "https://")
	}
	http.Redirect(w, req, callback+"?"+s.Callback(name).Encode(), http.StatusFound)
}
