package db_test

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"strongroom/internal/db"
)

// A server that vanishes while a statement is on its way is given up within the
// limit; a Unix socket has no such state and is left alone.
func TestDialLimitsWhatNobodyAcknowledges(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := db.PGDialer().DialContext(t.Context(), network, l.Addr().String())
		if err != nil {
			t.Fatal(network, err)
		}
		defer c.Close()
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			continue
		}
		raw, err := tcp.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var ms int
		if cerr := raw.Control(func(fd uintptr) { ms, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, 0x12) }); cerr != nil || err != nil {
			t.Fatal(cerr, err)
		}
		if ms != 25_000 {
			t.Errorf("unacknowledged data is kept for %d ms", ms)
		}
	}
}
