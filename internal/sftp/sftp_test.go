package sftp_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"strongroom"
	"strongroom/internal/sftp"
)

// desk knows one recipient, with one file.
type desk struct {
	key     ssh.PublicKey
	mu      sync.Mutex
	asked   int
	whole   []bool
	gone    []string
	refused chan sftp.Refusal
}

var text = bytes.Repeat([]byte("row of nobody\n"), 20_000)

func (d *desk) Admit(_ context.Context, l sftp.Login) (sftp.Room, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if l.User != "carrier" || !bytes.Equal(l.Key, d.key.Marshal()) {
		return nil, strongroom.Faultf(strongroom.Denied, "nobody", "nobody")
	}
	return d, nil
}

func (d *desk) Refused(_ netip.Addr, why sftp.Refusal) {
	select {
	case d.refused <- why:
	default:
	}
}

func (d *desk) Recipient() string { return "r1" }

func (d *desk) Files(context.Context) ([]sftp.File, error) {
	return []sftp.File{{Name: "a.csv", Size: int64(len(text)), Made: time.Unix(1e9, 0)}}, nil
}

func (d *desk) Open(_ context.Context, name string) (sftp.Content, error) {
	if name != "a.csv" {
		return nil, strongroom.Faultf(strongroom.NotFound, "file", "there is no such file")
	}
	return content{bytes.NewReader(text), d}, nil
}

func (d *desk) Remove(_ context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = append(d.gone, name)
	return nil
}

type content struct {
	*bytes.Reader
	d *desk
}

func (c content) Close(whole bool) error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.d.whole = append(c.d.whole, whole)
	return nil
}

type house struct {
	*desk
	server *sftp.Server
	addr   string
	key    ssh.Signer
}

func open(t *testing.T, change func(*sftp.Options)) *house {
	t.Helper()
	_, host, _ := ed25519.GenerateKey(rand.Reader)
	_, own, _ := ed25519.GenerateKey(rand.Reader)
	key, err := ssh.NewSignerFromSigner(own)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{key: key.PublicKey(), refused: make(chan sftp.Refusal, 100)}
	o := sftp.Options{Desk: d, HostKey: host, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	if change != nil {
		change(&o)
	}
	s, err := sftp.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	return &house{d, s, l.Addr().String(), key}
}

// why waits for a refusal of a kind.
func (h *house) why(t *testing.T, want sftp.Refusal) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case got := <-h.refused:
			if got == want {
				return
			}
		case <-late:
			t.Fatalf("no refusal %q was told", want)
		}
	}
}

func (h *house) dial(change func(*ssh.ClientConfig)) (*ssh.Client, error) {
	c := &ssh.ClientConfig{User: "carrier", Auth: []ssh.AuthMethod{ssh.PublicKeys(h.key)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: time.Minute}
	if change != nil {
		change(c)
	}
	return ssh.Dial("tcp", h.addr, c)
}

func (h *house) in(t *testing.T) (*ssh.Client, *client.Client) {
	t.Helper()
	conn, err := h.dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c, err := client.NewClient(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, c
}

func TestListReadRemove(t *testing.T) {
	h := open(t, nil)
	_, c := h.in(t)
	list, err := c.ReadDir("/")
	if err != nil || len(list) != 1 || list[0].Name() != "a.csv" || list[0].Size() != int64(len(text)) {
		t.Fatalf("the list is %v, %v", list, err)
	}
	f, err := c.Open("/a.csv")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := f.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), text) {
		t.Fatalf("%d bytes were read, %v", got.Len(), err)
	}
	f.Close()
	part, err := c.Open("/a.csv")
	if err != nil {
		t.Fatal(err)
	}
	// The last byte alone is not the whole.
	if n, err := part.ReadAt(make([]byte, 1), int64(len(text))-1); n != 1 || err != nil && err != io.EOF {
		t.Fatalf("the last byte: %d, %v", n, err)
	}
	part.Close()
	if err := c.Remove("/a.csv"); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.whole) != 2 || !h.whole[0] || h.whole[1] || len(h.gone) != 1 {
		t.Errorf("read whole: %v, removed: %v", h.whole, h.gone)
	}
}

// TestObligation_2_5_1_OnlyModernSSH offers what the door must not take; the first row is
// the control: the same client with nothing changed comes in.
func TestObligation_2_5_1_OnlyModernSSH(t *testing.T) {
	h := open(t, nil)
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	other, _ := ssh.NewSignerFromSigner(stranger)
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weak, _ := ssh.NewSignerFromSigner(short)
	cases := []struct {
		name   string
		change func(*ssh.ClientConfig)
		in     bool
		asked  int // times the desk was asked
		tells  sftp.Refusal
	}{
		{"nothing changed", nil, true, 1, ""},
		{"curve25519", func(c *ssh.ClientConfig) { c.KeyExchanges = []string{ssh.KeyExchangeCurve25519} }, true, 1, ""},
		{"password", func(c *ssh.ClientConfig) { c.Auth = []ssh.AuthMethod{ssh.Password("x")} }, false, 0, sftp.RefusedHandshake},
		{"none", func(c *ssh.ClientConfig) { c.Auth = nil }, false, 0, sftp.RefusedHandshake},
		{"group 1", func(c *ssh.ClientConfig) { c.KeyExchanges = []string{ssh.InsecureKeyExchangeDH1SHA1} }, false, 0, sftp.RefusedHandshake},
		{"group 14", func(c *ssh.ClientConfig) { c.KeyExchanges = []string{ssh.KeyExchangeDH14SHA256} }, false, 0, sftp.RefusedHandshake},
		{"CBC", func(c *ssh.ClientConfig) { c.Ciphers = []string{ssh.InsecureCipherAES128CBC} }, false, 0, sftp.RefusedHandshake},
		{"CTR", func(c *ssh.ClientConfig) { c.Ciphers = []string{ssh.CipherAES256CTR} }, false, 0, sftp.RefusedHandshake},
		{"host key of RSA", func(c *ssh.ClientConfig) { c.HostKeyAlgorithms = []string{ssh.KeyAlgoRSA} }, false, 0, sftp.RefusedHandshake},
		{"short RSA", func(c *ssh.ClientConfig) { c.Auth = []ssh.AuthMethod{ssh.PublicKeys(weak)} }, false, 0, sftp.RefusedKey},
		{"wrong key", func(c *ssh.ClientConfig) { c.Auth = []ssh.AuthMethod{ssh.PublicKeys(other)} }, false, 1, sftp.RefusedHandshake},
		{"unknown user", func(c *ssh.ClientConfig) { c.User = "nobody" }, false, 1, sftp.RefusedHandshake},
		{"key without proof", func(c *ssh.ClientConfig) {
			c.Auth = []ssh.AuthMethod{ssh.PublicKeys(liar{h.key.PublicKey(), other})}
		}, false, 0, sftp.RefusedHandshake},
	}
	said := map[string]string{}
	for _, c := range cases {
		h.mu.Lock()
		h.asked = 0
		h.mu.Unlock()
		conn, err := h.dial(c.change)
		if (err == nil) != c.in {
			t.Errorf("%s: came in is %v, want %v (%v)", c.name, err == nil, c.in, err)
		}
		if err == nil {
			conn.Close()
		} else {
			said[c.name] = err.Error()
		}
		if c.tells != "" {
			h.why(t, c.tells)
		}
		h.mu.Lock()
		if h.asked != c.asked {
			t.Errorf("%s: the desk was asked %d times, want %d", c.name, h.asked, c.asked)
		}
		h.mu.Unlock()
	}
	if said["wrong key"] != said["unknown user"] {
		t.Errorf("a wrong key hears %q, an unknown user %q", said["wrong key"], said["unknown user"])
	}
}

// liar shows one key and signs with another.
type liar struct {
	shown ssh.PublicKey
	ssh.Signer
}

func (l liar) PublicKey() ssh.PublicKey { return l.shown }

// TestObligation_3_1_5_NothingButTheFolder tries all that a file server could be made to do.
func TestObligation_3_1_5_NothingButTheFolder(t *testing.T) {
	h := open(t, nil)
	_, c := h.in(t)
	read := func(p string) error {
		f, err := c.Open(p)
		if err == nil {
			f.Close()
		}
		return err
	}
	if err := read("/a.csv"); err != nil {
		t.Fatalf("the control is refused: %v", err)
	}
	acts := map[string]func() error{
		"path up":       func() error { return read("/../../etc/passwd") },
		"folder beside": func() error { return read("/other/a.csv") },
		"backslash":     func() error { return read(`/..\a.csv`) },
		"long name":     func() error { return read("/" + strings.Repeat("a", 4000)) },
		"create":        func() error { _, err := c.Create("/b"); return err },
		"rename":        func() error { return c.Rename("/a.csv", "/b") },
		"posix rename":  func() error { return c.PosixRename("/a.csv", "/b") },
		"symlink":       func() error { return c.Symlink("/etc/passwd", "/b") },
		"link":          func() error { return c.Link("/a.csv", "/b") },
		"read link":     func() error { _, err := c.ReadLink("/a.csv"); return err },
		"mkdir":         func() error { return c.Mkdir("/d") },
		"rmdir":         func() error { return c.RemoveDirectory("/") },
		"chmod":         func() error { return c.Chmod("/a.csv", 0o777) },
		"truncate":      func() error { return c.Truncate("/a.csv", 0) },
		"list below":    func() error { _, err := c.ReadDir("/etc"); return err },
		"stat of none":  func() error { _, err := c.Stat("/b"); return err },
	}
	for name, act := range acts {
		if act() == nil {
			t.Errorf("%s was done", name)
		}
	}
	h.why(t, sftp.RefusedAct)
	if len(h.gone) != 0 {
		t.Errorf("removed: %v", h.gone)
	}
	var held []*client.File
	for range 4 {
		f, err := c.Open("/a.csv")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, f)
	}
	if read("/a.csv") == nil {
		t.Error("a fifth file was opened")
	}
	held[0].Close()
	if err := read("/a.csv"); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
}

func TestObligation_3_1_5_NoShellNoForwarding(t *testing.T) {
	h := open(t, nil)
	conn, _ := h.in(t)
	if _, err := conn.Dial("tcp", "127.0.0.1:22"); err == nil {
		t.Error("forwarded")
	}
	h.why(t, sftp.RefusedChannel)
	if _, err := conn.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("listens for the client")
	}
	h.why(t, sftp.RefusedRequest)
	if _, err := conn.NewSession(); err == nil {
		t.Error("a second session was opened")
	}
	h.why(t, sftp.RefusedChannel)

	bare, err := h.dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	s, err := bare.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"env":       func() error { return s.Setenv("LD_PRELOAD", "x") },
		"pty":       func() error { return s.RequestPty("xterm", 1, 1, nil) },
		"subsystem": func() error { return s.RequestSubsystem("netconf") },
		"exec":      func() error { return s.Start("id") },
	} {
		if ask() == nil {
			t.Errorf("%s was granted", name)
		}
		h.why(t, sftp.RefusedRequest)
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		t.Errorf("the control is refused: %v", err)
	}
}

func TestBounds(t *testing.T) {
	t.Run("cut", func(t *testing.T) {
		h := open(t, nil)
		conn, _ := h.in(t)
		if n := h.server.Cut("r2"); n != 0 {
			t.Errorf("%d sessions of somebody else were cut", n)
		}
		if n := h.server.Cut("r1"); n != 1 {
			t.Errorf("%d sessions were cut", n)
		}
		if conn.Wait() == nil {
			t.Error("the session ended as if the client had left")
		}
	})
	t.Run("sessions", func(t *testing.T) {
		h := open(t, nil)
		for range 4 {
			h.in(t)
		}
		if conn, err := h.dial(nil); err == nil {
			defer conn.Close()
			if _, err := client.NewClient(conn); err == nil {
				t.Error("a fifth session was opened")
			}
		}
		h.why(t, sftp.RefusedLimit)
	})
	t.Run("network", func(t *testing.T) {
		h := open(t, func(o *sftp.Options) { o.Networks = nil })
		if _, err := h.dial(nil); err == nil {
			t.Error("came in from a network nobody named")
		}
		h.why(t, sftp.RefusedNetwork)
	})
	t.Run("slow login", func(t *testing.T) {
		h := open(t, func(o *sftp.Options) { o.Handshake = 20 * time.Millisecond })
		silent(t, h)
	})
	t.Run("idle", func(t *testing.T) {
		h := open(t, func(o *sftp.Options) { o.Idle = 20 * time.Millisecond })
		silent(t, h)
	})
	t.Run("huge packet", func(t *testing.T) {
		h := open(t, nil)
		conn, err := h.dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s, _ := conn.NewSession()
		in, _ := s.StdinPipe()
		if err := s.RequestSubsystem("sftp"); err != nil {
			t.Fatal(err)
		}
		_, _ = in.Write([]byte{0x7f, 0xff, 0xff, 0xff, 1})
		_ = conn.Wait() // the door ends it
	})
	t.Run("refusals", func(t *testing.T) {
		h := open(t, nil)
		conn, c := h.in(t)
		for range 63 {
			_ = c.Mkdir("/d")
		}
		if _, err := c.Stat("/a.csv"); err != nil {
			t.Fatalf("ended too early: %v", err)
		}
		_ = c.Mkdir("/d")
		_ = conn.Wait() // the door ends it
	})
	t.Run("host key", func(t *testing.T) {
		k, _ := rsa.GenerateKey(rand.Reader, 2048)
		if _, err := sftp.New(sftp.Options{HostKey: k}); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("an RSA host key: %v", err)
		}
	})
}

// silent connects, says nothing, and waits for the door to end it.
func silent(t *testing.T, h *house) {
	t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.Copy(io.Discard, conn)
	h.why(t, sftp.RefusedHandshake)
}
