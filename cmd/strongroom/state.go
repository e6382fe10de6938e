package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/app"
)

// state is what a person at this machine has of an instance: a session and a
// device key, each in a 0600 file under $XDG_STATE_HOME/strongroom. It is never in
// the data folder, which is the instance's.
type state struct{ base string }

// signedIn is the session of a person at this machine.
type signedIn struct {
	Token  string    `json:"token"`
	Person string    `json:"person"`
	Ends   time.Time `json:"ends_at"`
}

// state says where what belongs to the instance lies.
func (i *instance) state() (state, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return state{}, nil // nobody has a home here: there is no session either
		}
		dir = filepath.Join(home, ".local", "state")
	}
	dir = filepath.Join(dir, "strongroom")
	if app.IsServer(i.Data) {
		return stateOf(dir, strings.TrimSuffix(i.Data, "/")), nil
	}
	data, err := filepath.Abs(i.Data)
	if err != nil {
		return state{}, err
	}
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	if rel, err := filepath.Rel(data, dir); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return state{}, strongroom.Faultf(strongroom.Invalid, "state", "the folder for sessions lies inside the data folder").
			Advise("set XDG_STATE_HOME to another one")
	}
	return stateOf(dir, data), nil
}

// stateOf names the files of an instance without telling where it is.
func stateOf(dir, instance string) state {
	sum := sha256.Sum256([]byte(instance))
	return state{filepath.Join(dir, hex.EncodeToString(sum[:8]))}
}

func (s state) session() string { return s.base + ".session" }
func (s state) device() string  { return s.base + ".device" }

// read returns a file of ours, nil if there is none. One that others may read is
// refused.
func (s state) read(path string) ([]byte, error) {
	if s.base == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, strongroom.Faultf(strongroom.Invalid, "state", "%s is open to other users (mode %04o)", path, info.Mode().Perm()).
			Advise("chmod 600 %s, and sign in again", path)
	}
	return os.ReadFile(path)
}

// write stores a file with mode 0600, at once or not at all.
func (s state) write(path string, text []byte) error {
	if s.base == "" {
		return strongroom.Faultf(strongroom.Invalid, "state", "there is no place for the session").Advise("set HOME or XDG_STATE_HOME")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600 from the beginning
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// signedIn returns the session, empty if nobody is signed in.
func (s state) signedIn() (x signedIn, err error) {
	text, err := s.read(s.session())
	if err != nil || text == nil {
		return x, err
	}
	if json.Unmarshal(text, &x) != nil {
		return x, strongroom.Faultf(strongroom.Invalid, "state", "the file of the session cannot be read").Advise("remove %s", s.session())
	}
	return x, nil
}

func (s state) keep(x signedIn) error {
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return s.write(s.session(), text)
}

// forget removes the session from this machine.
func (s state) forget() error { return s.drop(s.session()) }

// drop removes a file of ours, if it is there.
func (s state) drop(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// deviceKey returns the key of this device, nil if it has none.
func (s state) deviceKey() (*ecdsa.PrivateKey, error) {
	text, err := s.read(s.device())
	if err != nil || text == nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(text)
	key, ok := k.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return nil, strongroom.Faultf(strongroom.Invalid, "state", "the file of the device's key cannot be read").
			Advise("remove %s and enrol the device again", s.device())
	}
	return key, nil
}

// newDeviceKey makes the key of this device in the place of an older one.
func (s state) newDeviceKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, s.write(s.device(), text)
}

// dpop signs a call as this device, in the manner of RFC 9449 with the path as htu.
func dpop(key *ecdsa.PrivateKey, method, path string, at time.Time) (string, error) {
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	header, err := json.Marshal(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]string{
		"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:]),
	}})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"htm": method, "htu": path, "iat": at.Unix(), "jti": rand.Text()})
	if err != nil {
		return "", err
	}
	text := b64(header) + "." + b64(claims)
	sum := sha256.Sum256([]byte(text))
	r, sig, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	return text + "." + b64(append(r.FillBytes(make([]byte, 32)), sig.FillBytes(make([]byte, 32))...)), nil
}
