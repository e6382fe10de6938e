package handshake

import (
	"bytes"
	"crypto/tls"
	"testing"
)

// serverHello returns the message that takes a version and a suite.
func serverHello(version, suite uint16, exts ...byte) []byte {
	body := append([]byte{byte(version >> 8), byte(version)}, make([]byte, 32)...)
	body = append(body, 0, byte(suite>>8), byte(suite), 0)
	if exts != nil {
		body = append(append(body, byte(len(exts)>>8), byte(len(exts))), exts...)
	}
	return append([]byte{messageServerHello, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

// record wraps a message in records of at most size bytes.
func record(kind byte, message []byte, size int) (out []byte) {
	for len(message) > 0 {
		n := min(size, len(message))
		out = append(append(out, kind, 3, 3, byte(n>>8), byte(n)), message[:n]...)
		message = message[n:]
	}
	return out
}

func TestAnswers(t *testing.T) {
	hello13 := serverHello(tls12, 0x1301, 0, extSupportedVersions, 0, 2, 3, 4)
	for name, x := range map[string]struct {
		sent []byte
		want answer
		ok   bool
	}{
		"TLS 1.2":                     {record(recordHandshake, serverHello(tls12, 0xc02f), 1<<14), answer{true, tls12, 0xc02f}, true},
		"SSL 3.0":                     {record(recordHandshake, serverHello(ssl30, 5), 1<<14), answer{true, ssl30, 5}, true},
		"TLS 1.3 says it aside":       {record(recordHandshake, hello13, 1<<14), answer{true, tls13, 0x1301}, true},
		"in records of a byte":        {record(recordHandshake, hello13, 1), answer{true, tls13, 0x1301}, true},
		"an alert":                    {record(recordAlert, []byte{2, 40}, 2), answer{}, true},
		"HTTP":                        {[]byte("HTTP/1.1 400 Bad Request\r\n\r\nabc"), answer{}, false},
		"half":                        {record(recordHandshake, hello13, 1<<14)[:30], answer{}, false},
		"another message":             {record(recordHandshake, []byte{11, 0, 0, 0}, 4), answer{}, false},
		"a message that says no more": {record(recordHandshake, []byte{2, 0, 0, 2, 3, 3}, 9), answer{}, false},
		"an extension that is cut":    {record(recordHandshake, serverHello(tls12, 1, 0, extSupportedVersions, 0, 9, 3), 99), answer{}, false},
		"an empty record":             {[]byte{recordHandshake, 3, 3, 0, 0}, answer{}, false},
		"nothing":                     {nil, answer{}, false},
		"a message that never ends":   {record(recordHandshake, append([]byte{2, 255, 255, 255}, make([]byte, 1<<17)...), 1<<14), answer{}, false},
	} {
		got, err := readAnswer(bytes.NewReader(x.sent))
		if got != x.want || (err == nil) != x.ok {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestEverySuiteHasOneFamily(t *testing.T) {
	seen := map[uint16]string{}
	good := map[uint16]bool{}
	for _, f := range families() {
		for _, id := range f.ids {
			if seen[id] != "" {
				t.Errorf("%04x is in %s and in %s", id, seen[id], f.name)
			}
			seen[id], good[id] = f.name, f.good
		}
	}
	for _, s := range tls.InsecureCipherSuites() {
		if seen[s.ID] == "" || good[s.ID] {
			t.Errorf("%s is not asked for among the weak", s.Name)
		}
	}
	for _, s := range tls.CipherSuites() {
		if s.ID>>8 != 0x13 && seen[s.ID] == "" {
			t.Errorf("%s is not asked for", s.Name)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(record(recordHandshake, serverHello(tls12, 0xc02f, 0, extSupportedVersions, 0, 2, 3, 4), 7))
	f.Add(record(recordAlert, []byte{2, 40}, 2))
	f.Fuzz(func(t *testing.T, sent []byte) {
		a, err := readAnswer(bytes.NewReader(sent))
		if err != nil && a.taken {
			t.Error("an answer beside an error")
		}
	})
}
