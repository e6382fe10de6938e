package handshake

import (
	"bufio"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"io"

	"golang.org/x/crypto/cryptobyte"
)

// The numbers of the protocol that are used here (RFC 5246, RFC 8446).
const (
	recordAlert     = 21
	recordHandshake = 22

	messageClientHello = 1
	messageServerHello = 2

	extServerName        = 0
	extSupportedGroups   = 10
	extPointFormats      = 11
	extSignatures        = 13
	extMasterSecret      = 23
	extSupportedVersions = 43
	extKeyShare          = 51

	groupX25519      = 29
	scsvRenegotiaton = 0x00ff
)

// maxHello is the most bytes read of an answer to a hello.
const maxHello = 1 << 16

// answer is what an endpoint said to a hello.
type answer struct {
	taken   bool   // a ServerHello; else an alert
	version uint16 // chosen
	suite   uint16 // chosen
}

// errNoTLS says that what came back is no answer of TLS.
var errNoTLS = errors.New("the endpoint does not answer in TLS")

// clientHello returns the record of a hello that offers one version and some suites.
// name is the server's; empty sends none.
func clientHello(version uint16, suites []uint16, name string) ([]byte, error) {
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	share, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	legacy := min(version, tls12)
	var b cryptobyte.Builder
	b.AddUint8(recordHandshake)
	b.AddUint16(min(legacy, tls10)) // what servers of every age read
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(messageClientHello)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(legacy)
			b.AddBytes(random[:])
			b.AddUint8(0) // no session
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, id := range suites {
					b.AddUint16(id)
				}
				b.AddUint16(scsvRenegotiaton)
			})
			b.AddBytes([]byte{1, 0}) // no compression
			if version > ssl30 {
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { extensions(b, version, name, share.PublicKey().Bytes()) })
			}
		})
	})
	return b.Bytes()
}

func extensions(b *cryptobyte.Builder, version uint16, name string, share []byte) {
	add := func(id uint16, body func(b *cryptobyte.Builder)) {
		b.AddUint16(id)
		b.AddUint16LengthPrefixed(body)
	}
	list := func(ids ...uint16) func(b *cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, id := range ids {
					b.AddUint16(id)
				}
			})
		}
	}
	if name != "" {
		add(extServerName, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
			})
		})
	}
	add(extSupportedGroups, list(groupX25519, 23, 24, 25, 256))
	add(extSignatures, list(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0807, 0x0603, 0x0203, 0x0201, 0x0202))
	if version < tls13 {
		add(extPointFormats, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) })
		add(extMasterSecret, func(*cryptobyte.Builder) {})
		return
	}
	add(extSupportedVersions, func(b *cryptobyte.Builder) {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(version) })
	})
	add(extKeyShare, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(groupX25519)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(share) })
		})
	})
}

// readAnswer reads what came back to a hello: a ServerHello, over as many records as
// it takes, or an alert.
func readAnswer(from io.Reader) (answer, error) {
	r := bufio.NewReader(io.LimitReader(from, maxHello))
	var message []byte
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(r, head); err != nil {
			return answer{}, err
		}
		body := make([]byte, int(head[3])<<8|int(head[4]))
		if _, err := io.ReadFull(r, body); err != nil {
			return answer{}, err
		}
		switch {
		case head[1] != 3:
			return answer{}, errNoTLS
		case head[0] == recordAlert:
			return answer{}, nil
		case head[0] != recordHandshake || len(body) == 0:
			return answer{}, errNoTLS
		}
		message = append(message, body...)
		if len(message) < 4 {
			continue
		}
		if n := int(message[1])<<16 | int(message[2])<<8 | int(message[3]); len(message) >= 4+n {
			return parseServerHello(message[:4+n])
		}
	}
}

// parseServerHello reads the version and the suite of a ServerHello; a
// HelloRetryRequest of TLS 1.3 is one.
func parseServerHello(message []byte) (answer, error) {
	s := cryptobyte.String(message)
	var kind, compression uint8
	var body, session, exts cryptobyte.String
	var a answer
	if !s.ReadUint8(&kind) || kind != messageServerHello || !s.ReadUint24LengthPrefixed(&body) ||
		!body.ReadUint16(&a.version) || !body.Skip(32) || !body.ReadUint8LengthPrefixed(&session) ||
		!body.ReadUint16(&a.suite) || !body.ReadUint8(&compression) {
		return answer{}, errNoTLS
	}
	a.taken = true
	if body.Empty() {
		return a, nil
	}
	if !body.ReadUint16LengthPrefixed(&exts) {
		return answer{}, errNoTLS
	}
	for !exts.Empty() {
		var id uint16
		var ext cryptobyte.String
		if !exts.ReadUint16(&id) || !exts.ReadUint16LengthPrefixed(&ext) {
			return answer{}, errNoTLS
		}
		if id == extSupportedVersions && !ext.ReadUint16(&a.version) {
			return answer{}, errNoTLS
		}
	}
	return a, nil
}
