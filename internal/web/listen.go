package web

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"

	"strongroom"
)

// ListenTCP listens on addr ("host:port"). Without TLS only loopback addresses
// are accepted: every address the host resolves to must be one, and so must the
// address the listener ends up on.
func ListenTCP(ctx context.Context, addr string, tlsOn bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "listen", "the address to listen on must be host:port")
	}
	if !tlsOn && !loopbackHost(ctx, host) {
		return nil, plainFault()
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "listen", "the address cannot be listened on").
			Advise("another program may hold it").Because(errno(err))
	}
	if tlsOn || loopbackAddr(l.Addr()) {
		return l, nil
	}
	_ = l.Close() // refused anyway
	return nil, plainFault()
}

func plainFault() error {
	return strongroom.Faultf(strongroom.Invalid, "plain-http", "plain HTTP is served on loopback only").
		Advise("listen on 127.0.0.1 or turn TLS on")
}

func loopbackHost(ctx context.Context, host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	if host == "" {
		return false
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return false
	}
	for _, a := range addrs {
		if !a.Unmap().IsLoopback() {
			return false
		}
	}
	return true
}

func loopbackAddr(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// ListenUnix listens on a Unix socket at path that only the calling OS user can
// open (0600 from the moment it exists). A socket left by a server that died is
// replaced; the caller holds the lock that says none is alive. Anything else at
// path is refused.
func ListenUnix(ctx context.Context, path string) (net.Listener, error) {
	if st, err := os.Lstat(path); err == nil {
		if st.Mode()&fs.ModeSocket == 0 {
			return nil, strongroom.Faultf(strongroom.Conflict, "socket", "something that is no socket stands where the socket belongs")
		}
		if err := os.Remove(path); err != nil {
			return nil, strongroom.Faultf(strongroom.Unavailable, "socket", "the old socket cannot be removed").Because(bare(err))
		}
	}
	// On Linux a socket's file takes the mode its descriptor has at bind, so the
	// file is never open to others, not even for a moment.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var inner error
		err := c.Control(func(fd uintptr) { inner = syscall.Fchmod(int(fd), 0o600) })
		return errors.Join(err, inner)
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Unavailable, "socket", "the Unix socket cannot be made").
			Advise("its path may be longer than 107 bytes").Because(errno(err))
	}
	st, err := os.Lstat(path)
	if err != nil || st.Mode().Perm()&0o077 != 0 {
		_ = l.Close() // refused anyway
		return nil, strongroom.Faultf(strongroom.Unavailable, "socket", "the Unix socket cannot be kept to its owner")
	}
	return l, nil
}

// errno returns the system's error number in err, which says why without a path
// or address.
func errno(err error) error {
	if n, ok := errors.AsType[syscall.Errno](err); ok {
		return n
	}
	return nil
}
