package sftp

import (
	"context"
	"crypto/rsa"
	"errors"

	"golang.org/x/crypto/ssh"
)

// minRSA is the shortest RSA key a client may have, in bits.
const minRSA = 3072

// algorithms is all the door speaks: no CBC, no SHA-1, no finite fields, no MAC before
// encryption.
func algorithms() *ssh.ServerConfig {
	return &ssh.ServerConfig{
		Config: ssh.Config{
			KeyExchanges: []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519},
			Ciphers:      []string{ssh.CipherChaCha20Poly1305, ssh.CipherAES256GCM, ssh.CipherAES128GCM},
			MACs:         []string{ssh.HMACSHA512ETM, ssh.HMACSHA256ETM},
		},
		PublicKeyAuthAlgorithms: []string{ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519,
			ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256,
			ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
		MaxAuthTries:  maxTries,
		ServerVersion: "SSH-2.0-Strongroom",
	}
}

// roomKey is where a login leaves the room it was given.
type roomKey struct{}

// errKey and errDesk never reach a client: SSH says only that it failed.
var (
	errKey  = errors.New("a key of this kind is not taken")
	errDesk = errors.New("the desk admits nobody by this name and key")
)

// TakesKey tells whether a public key is of a kind and length the door takes. Certificates
// are not taken: they name an authority, and nobody approved one.
func TakesKey(key ssh.PublicKey) bool {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
		return true
	case ssh.KeyAlgoRSA:
		wrapped, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			return false
		}
		k, ok := wrapped.CryptoPublicKey().(*rsa.PublicKey)
		return ok && k.N.BitLen() >= minRSA
	}
	return false
}

// login is the configuration of one connection. Any key of a kind that is taken may be
// proved, and only then is the desk asked: so the answer to "would this key do?" is the
// same for all.
func (v *visit) login(ctx context.Context) *ssh.ServerConfig {
	c := *v.server.config
	c.PublicKeyCallback = func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !TakesKey(key) {
			v.refuse(RefusedKey)
			return nil, errKey
		}
		return &ssh.Permissions{}, nil
	}
	c.VerifiedPublicKeyCallback = func(m ssh.ConnMetadata, key ssh.PublicKey, _ *ssh.Permissions, _ string) (*ssh.Permissions, error) {
		room, err := v.server.o.Desk.Admit(ctx, Login{User: m.User(), Key: key.Marshal(),
			Fingerprint: ssh.FingerprintSHA256(key), Source: v.source})
		if err != nil || room == nil {
			return nil, errDesk
		}
		return &ssh.Permissions{ExtraData: map[any]any{roomKey{}: room}}, nil
	}
	return &c
}
