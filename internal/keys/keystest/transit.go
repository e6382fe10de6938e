package keystest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Transit is a server that speaks the part of the transit engine's protocol
// that a KMS needs: encrypt and decrypt with associated data under named keys
// with versions, tokens, namespaces, and the server's own error answers. It is
// an http.Handler, safe for concurrent use.
type Transit struct {
	Mount     string // "transit"
	Token     string // the one token that is let in
	Namespace string // the one namespace there is; empty is the root

	mu     sync.Mutex
	keys   map[string][]cipher.AEAD // versions of each key, the first is v1
	sealed bool
	calls  int
}

// AddKey makes a key of type aes256-gcm96, or a new version of it.
func (s *Transit) AddKey(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addKey(name)
}

func (s *Transit) addKey(name string) {
	b := make([]byte, 32)
	rand.Read(b)
	block, err := aes.NewCipher(b)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	if s.keys == nil {
		s.keys = map[string][]cipher.AEAD{}
	}
	s.keys[name] = append(s.keys[name], gcm)
}

// Seal makes the server refuse everything, as a sealed one does.
func (s *Transit) Seal(sealed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = sealed
}

// Calls returns how many requests were let in.
func (s *Transit) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// ServeHTTP answers one request.
func (s *Transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/"+s.Mount+"/")
	verb, name, _ := strings.Cut(rest, "/")
	switch {
	case s.sealed:
		refuse(w, http.StatusServiceUnavailable, "Vault is sealed")
		return
	case r.Header.Get("X-Vault-Token") != s.Token:
		refuse(w, http.StatusForbidden, "permission denied")
		return
	case !ok || r.Header.Get("X-Vault-Namespace") != s.Namespace || verb != "encrypt" && verb != "decrypt":
		refuse(w, http.StatusNotFound, "no handler for route")
		return
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		refuse(w, http.StatusMethodNotAllowed, "unsupported operation")
		return
	}
	s.calls++
	var in struct {
		Plaintext      *string `json:"plaintext"`
		Ciphertext     string  `json:"ciphertext"`
		AssociatedData string  `json:"associated_data"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in) != nil {
		refuse(w, http.StatusBadRequest, "failed to parse JSON input")
		return
	}
	ad, err := base64.StdEncoding.DecodeString(in.AssociatedData)
	if err != nil {
		refuse(w, http.StatusBadRequest, "failed to base64-decode associated_data")
		return
	}
	if verb == "encrypt" {
		s.encrypt(w, name, in.Plaintext, ad)
		return
	}
	s.decrypt(w, name, in.Ciphertext, ad)
}

func (s *Transit) encrypt(w http.ResponseWriter, name string, text *string, ad []byte) {
	versions := s.keys[name]
	if len(versions) == 0 {
		s.addKey(name) // the real one makes a key on first use, too
		versions = s.keys[name]
	}
	if text == nil {
		refuse(w, http.StatusBadRequest, "missing plaintext to encrypt")
		return
	}
	plain, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		refuse(w, http.StatusBadRequest, "failed to base64-decode plaintext")
		return
	}
	n := len(versions)
	sealed := versions[n-1].Seal(nil, nil, plain, ad)
	answer(w, map[string]any{
		"ciphertext":  "vault:v" + strconv.Itoa(n) + ":" + base64.StdEncoding.EncodeToString(sealed),
		"key_version": n,
	})
}

func (s *Transit) decrypt(w http.ResponseWriter, name, text string, ad []byte) {
	versions := s.keys[name]
	if len(versions) == 0 {
		refuse(w, http.StatusBadRequest, "encryption key not found")
		return
	}
	rest, ok := strings.CutPrefix(text, "vault:v")
	number, body, ok2 := strings.Cut(rest, ":")
	n, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil || n < 1 || n > len(versions) {
		refuse(w, http.StatusBadRequest, "invalid ciphertext: no prefix")
		return
	}
	sealed, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid ciphertext: could not decode base64")
		return
	}
	if len(sealed) < versions[n-1].Overhead() {
		refuse(w, http.StatusBadRequest, "invalid ciphertext length")
		return
	}
	plain, err := versions[n-1].Open(nil, nil, sealed, ad)
	if err != nil {
		refuse(w, http.StatusBadRequest, "cipher: message authentication failed")
		return
	}
	answer(w, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
}

func answer(w http.ResponseWriter, data map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"request_id": "6f0a1e2c-0000-4000-8000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
		"data": data, "wrap_info": nil, "warnings": nil, "auth": nil, "mount_type": "transit",
	})
}

func refuse(w http.ResponseWriter, status int, what string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []string{what}})
}
