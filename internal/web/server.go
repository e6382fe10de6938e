package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"strongroom"
)

// Options configure a [Server]. The zero value of each field but Handler is
// useful.
type Options struct {
	Handler http.Handler // required
	Log     *slog.Logger // operational log; nil discards

	TLS *tls.Config // nil serves plain HTTP; see [ListenTCP] for where that is allowed

	// Proxies are the networks whose word about a caller's address counts: their
	// X-Forwarded-For and Forwarded are read, and [ConnOf] tells what they say. What
	// others say of themselves is ignored. A call of theirs that does not say for whom
	// it comes is refused. None by default.
	Proxies []netip.Prefix

	// Probes are the paths that a proxy asks (GET, HEAD) for itself, to learn whether
	// the server lives; there it need not say for whom. They must tell and do nothing
	// that depends on the caller's address. None by default.
	Probes []string

	// Refused is told of each call that a trusted proxy made and did not say clearly for
	// whom, with the proxy's address and the code of the fault. It must be quick and is
	// called concurrently. nil tells nobody.
	Refused func(ctx context.Context, proxy netip.Addr, code string)

	ReadTimeout  time.Duration // a whole request, 30 s; a stream prolongs its own, see [Prolong]
	WriteTimeout time.Duration // a whole answer, 60 s; likewise
	IdleTimeout  time.Duration // between requests of a connection, 120 s
	HeaderBytes  int           // all headers together, 16 KiB
}

// Server is an HTTP server with limits on everything a caller can stretch. Make
// it with [NewServer]; it is safe for concurrent use.
type Server struct {
	http    http.Server
	log     *slog.Logger
	proxies []netip.Prefix
	probes  []string
	refused func(context.Context, netip.Addr, string)
	lost    atomic.Int64
	unheard atomic.Int64
}

// NewServer returns a server for o.Handler, wrapped with request ids, security
// headers, panic recovery and the request log.
func NewServer(o Options) *Server {
	if o.Handler == nil {
		panic("web: a server needs a handler")
	}
	s := &Server{log: o.Log, proxies: o.Proxies, probes: o.Probes, refused: o.Refused}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.http = http.Server{
		Handler: s.wrap(o.Handler), TLSConfig: o.TLS, ConnContext: connContext,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       or(o.ReadTimeout, 30*time.Second),
		WriteTimeout:      or(o.WriteTimeout, 60*time.Second),
		IdleTimeout:       or(o.IdleTimeout, 120*time.Second),
		MaxHeaderBytes:    or(o.HeaderBytes, 16<<10),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 128},

		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * outside the frame

		ErrorLog: log.New(dropped{&s.lost}, "", 0),
	}
	return s
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Serve answers connections of l until [Server.Shutdown]; then it returns nil.
// With TLS configured every connection must speak it. A Unix socket is served
// plain: the kernel already says who calls.
func (s *Server) Serve(l net.Listener) error {
	var err error
	if _, unix := l.Addr().(*net.UnixAddr); s.http.TLSConfig != nil && !unix {
		err = s.http.ServeTLS(l, "", "")
	} else {
		if !unix && !loopbackAddr(l.Addr()) {
			return plainFault()
		}
		err = s.http.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return strongroom.Faultf(strongroom.Unavailable, "serve", "the listener failed").Because(errno(err))
}

// Shutdown stops listening and waits for running requests until ctx ends, then
// cuts the rest.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

// Lost returns how many lines the standard server wanted to log since the start:
// failed handshakes and broken connections. Their text names callers, so it is
// dropped.
func (s *Server) Lost() int64 { return s.lost.Load() }

// Unheard returns how many requests since the start said for whom they were
// forwarded and came from no trusted proxy: a caller who tries, or a proxy that the
// configuration does not name.
func (s *Server) Unheard() int64 { return s.unheard.Load() }

type dropped struct{ n *atomic.Int64 }

func (d dropped) Write(p []byte) (int, error) { d.n.Add(1); return len(p), nil }

type connKey struct{}

// Conn is what is known of a caller before it says a word.
type Conn struct {
	Addr netip.Addr // the caller's address, without port, as far as proxies are trusted; invalid on a Unix socket
	Unix bool       // came in over the Unix socket
	UID  uint32     // the OS user at the other end; only if Peer
	Peer bool       // the kernel told who is at the other end
}

// ConnOf returns what is known of the caller of a request with context ctx.
func ConnOf(ctx context.Context) Conn {
	c, _ := ctx.Value(connKey{}).(Conn)
	return c
}

// WithConn returns a context that says a call came in as c does. It is for
// callers in this process, who stand where a Unix socket would.
func WithConn(ctx context.Context, c Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func connContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	var out Conn
	switch c := c.(type) {
	case *net.UnixConn:
		out.Unix = true
		out.UID, out.Peer = peerUID(c)
	default:
		if ap, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
			out.Addr = ap.Addr().Unmap().WithZone("")
		}
	}
	return WithConn(ctx, out)
}

// Prolong gives a streaming handler d more to read and to write from now on.
// A stream calls it as it makes progress, so only a stalled one is cut.
func Prolong(w http.ResponseWriter, d time.Duration) {
	rc := http.NewResponseController(w)
	at := time.Now().Add(d)     // real time: this is a socket's deadline
	_ = rc.SetReadDeadline(at)  // not supported means no deadline was set either
	_ = rc.SetWriteDeadline(at) // likewise
}

// answer watches what a handler writes, for the log and for panics.
type answer struct {
	http.ResponseWriter
	id     string
	status int
	bytes  int64
}

func (a *answer) WriteHeader(code int) {
	if a.status == 0 && code >= 200 {
		a.status = code
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// RequestID returns the id of the request w answers, "" outside a [Server].
func RequestID(w http.ResponseWriter) string {
	for w != nil {
		if a, ok := w.(*answer); ok {
			return a.id
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return ""
		}
		w = u.Unwrap()
	}
	return ""
}

// wrap puts the frame around every request.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && !carries(r.TLS.NegotiatedProtocol) {
			panic(http.ErrAbortHandler) // that handshake was not for calls
		}
		a := &answer{ResponseWriter: w, id: strongroom.NewID("req")}
		secure(w.Header(), r.TLS != nil)
		w.Header()["Strongroom-Request"] = []string{a.id}
		start := time.Now() // real time: a duration for the operational log
		from, err := s.client(r)
		defer s.finish(a, from, start)
		if err != nil {
			if s.refused != nil {
				s.refused(r.Context(), ConnOf(r.Context()).Addr, CodeForwarded)
			}
			WriteProblem(a, err, a.id)
			return
		}
		next.ServeHTTP(a, from)
	})
}

// carries reports whether calls come over a connection that agreed on a protocol.
func carries(protocol string) bool {
	return protocol == "" || protocol == "h2" || protocol == "http/1.1"
}

// client returns a request as that of the caller it was forwarded for. A trusted proxy
// that names nobody is not taken for the caller: whoever stands behind it would have
// its address.
func (s *Server) client(r *http.Request) (*http.Request, error) {
	conn := ConnOf(r.Context())
	forwards := conn.Addr.IsValid() && forwards(r.Header)
	if !among(s.proxies, conn.Addr) {
		if forwards {
			s.unheard.Add(1)
		}
		return r, nil
	}
	if !forwards {
		if s.probe(r) {
			return r, nil
		}
		return r, errUnnamed()
	}
	at, err := clientOf(conn.Addr, r.Header, s.proxies)
	conn.Addr = at
	return r.WithContext(WithConn(r.Context(), conn)), err
}

// probe reports whether a request is one that a proxy makes for itself.
func (s *Server) probe(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && slices.Contains(s.probes, r.URL.Path)
}

// finish recovers a panic, answers for it, and writes the request's line.
func (s *Server) finish(a *answer, r *http.Request, start time.Time) {
	v := recover()
	if v == http.ErrAbortHandler {
		panic(v) // the handler wants the connection cut; net/http logs nothing for it
	}
	if v != nil {
		s.log.LogAttrs(r.Context(), slog.LevelError, "handler panicked",
			slog.String("request", a.id), slog.String("frames", frames()))
		if a.status != 0 {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		WriteProblem(a, errors.New("panic"), a.id)
	}
	level := slog.LevelDebug
	if a.status >= 500 {
		level = slog.LevelWarn
	}
	if s.log.Enabled(r.Context(), level) {
		s.log.LogAttrs(r.Context(), level, "request", slog.String("request", a.id), slog.String("route", route(r)),
			slog.Int("status", a.status), slog.Int64("bytes", a.bytes), slog.Duration("took", time.Since(start)))
	}
}

// route names r by the pattern that matched: a path may hold anything.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// frames lists the functions on the panicking stack, without their arguments,
// which may be personal data.
func frames() string {
	pcs := make([]uintptr, 24)
	it := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	var names []string
	for {
		f, more := it.Next()
		names = append(names, f.Function)
		if !more || len(names) == cap(pcs) {
			return strings.Join(names, " < ")
		}
	}
}

// secure sets the headers every answer carries. There is no CORS: a browser page
// of another origin has no business here.
func secure(h http.Header, tlsOn bool) {
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'"}
	h["Referrer-Policy"] = []string{"no-referrer"}
	h["Cache-Control"] = []string{"no-store"}
	h["Cross-Origin-Resource-Policy"] = []string{"same-origin"}
	if tlsOn {
		h["Strict-Transport-Security"] = []string{"max-age=63072000"}
	}
}
