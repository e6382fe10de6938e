package sftp

import (
	"context"
	"crypto"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"strongroom"
	"strongroom/internal/web"
)

// Bounds of the door; all are ours.
const (
	maxConnections = 64 // at once
	maxOfSource    = 8  // connections of one address
	maxSessions    = 4  // of one recipient
	maxOpen        = 4  // files of one session
	maxTries       = 6  // keys a client may offer in one connection
	maxRefusals    = 64 // of one connection, which then ends
)

// Options are what a server needs.
type Options struct {
	Desk     Desk
	HostKey  crypto.Signer  // Ed25519
	Networks []netip.Prefix // sources that may connect; none named is nobody

	Handshake time.Duration // until a client is in; zero is 20 seconds
	Idle      time.Duration // without a byte of the client; zero is 5 minutes
	Longest   time.Duration // a session; zero is one hour
}

// Server answers SSH on a listener. It is safe for concurrent use.
type Server struct {
	o       Options
	config  *ssh.ServerConfig
	limiter web.Limiter

	mu       sync.Mutex
	closed   bool
	conns    map[*visit]struct{}
	sources  map[netip.Addr]int
	sessions map[string]int
}

// New makes a server. The error is a fault of kind Invalid for a host key that is not
// Ed25519.
func New(o Options) (*Server, error) {
	o.Handshake = either(o.Handshake, 20*time.Second)
	o.Idle = either(o.Idle, 5*time.Minute)
	o.Longest = either(o.Longest, time.Hour)
	host, err := ssh.NewSignerFromSigner(o.HostKey)
	if err != nil || host.PublicKey().Type() != ssh.KeyAlgoED25519 {
		return nil, strongroom.Faultf(strongroom.Invalid, "host-key",
			"the host key for SSH is not an Ed25519 key, so the door stays shut").Because(err)
	}
	s := &Server{o: o, config: algorithms(), conns: map[*visit]struct{}{},
		sources: map[netip.Addr]int{}, sessions: map[string]int{}}
	s.config.AddHostKey(host)
	return s, nil
}

func either(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Serve answers connections until the context ends or the listener fails; it closes the
// listener and every connection, and returns when the last of them is gone.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		l.Close()
		s.close()
	})
	defer stop()
	defer s.close()
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			// The machine is short of something: what is open goes on.
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		v := &visit{server: s, conn: conn, source: sourceOf(conn)}
		if why := s.enter(v); why != "" {
			conn.Close()
			s.o.Desk.Refused(v.source, why)
			continue
		}
		all.Go(func() {
			defer s.leave(v)
			v.serve(ctx)
		})
	}
}

// Cut ends the sessions of a recipient and tells how many there were. Sessions that
// begin afterwards are the desk's to refuse.
func (s *Server) Cut(recipient string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for v := range s.conns {
		if v.recipient == recipient && recipient != "" {
			v.conn.Close()
			n++
		}
	}
	return n
}

func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for v := range s.conns {
		v.conn.Close()
	}
}

// enter counts a connection, or says why it may not be.
func (s *Server) enter(v *visit) Refusal {
	inside := false
	for _, n := range s.o.Networks {
		inside = inside || n.Contains(v.source)
	}
	if !inside {
		return RefusedNetwork
	}
	if s.limiter.Allow(v.source, time.Now()) != nil {
		return RefusedLimit
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConnections || s.sources[v.source] >= maxOfSource {
		return RefusedLimit
	}
	s.conns[v] = struct{}{}
	s.sources[v.source]++
	return ""
}

// seat counts a session of a recipient; false is one too many.
func (s *Server) seat(v *visit, recipient string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if recipient == "" || s.sessions[recipient] >= maxSessions {
		return false
	}
	s.sessions[recipient]++
	v.recipient = recipient
	return true
}

func (s *Server) leave(v *visit) {
	v.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, v)
	if s.sources[v.source]--; s.sources[v.source] == 0 {
		delete(s.sources, v.source)
	}
	if v.recipient == "" {
		return
	}
	if s.sessions[v.recipient]--; s.sessions[v.recipient] == 0 {
		delete(s.sessions, v.recipient)
	}
}

func sourceOf(c net.Conn) netip.Addr {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}
