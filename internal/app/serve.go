package app

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/web"
)

// stopLimit is how long running requests may take to finish after a stop was
// asked for.
const stopLimit = 20 * time.Second

// Serve answers on the configured address and on the Unix socket in the data
// folder until ctx ends, then stops gracefully and closes the instance. ready is
// called once with the base URL.
func (a *App) Serve(ctx context.Context, ready func(url string)) error {
	TuneMemory()
	err := a.serve(ctx, ready)
	return errors.Join(err, a.Close())
}

func (a *App) serve(ctx context.Context, ready func(url string)) error {
	scheme, tlsConfig, err := a.tls(ctx)
	if err != nil {
		return err
	}
	if tlsConfig != nil && a.conf.ClientCertificates {
		tlsConfig.ClientAuth = tls.RequestClientCert // whose it is says the register, not who signed it
	}
	public, err := web.ListenTCP(ctx, a.conf.Listen, tlsConfig != nil)
	if err != nil {
		return err
	}
	path, free, err := socketPath(a.o.Dir)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	defer free()
	socket, err := web.ListenUnix(ctx, path)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	proxies, err := a.conf.proxies()
	if err != nil {
		return errors.Join(err, public.Close(), socket.Close())
	}
	servers := []*web.Server{
		web.NewServer(web.Options{Handler: a.Handler(), Log: a.log, TLS: tlsConfig, Proxies: proxies, Probes: probes(), Refused: a.refuse}),
		web.NewServer(web.Options{Handler: a.Handler(), Log: a.log}),
	}
	a.front.Store(servers[0])
	listeners := []net.Listener{public, socket}
	if a.conf.Metrics != "" {
		l, err := web.ListenTCP(ctx, a.conf.Metrics, false)
		if err != nil {
			return errors.Join(err, closeAll(listeners))
		}
		servers = append(servers, web.NewServer(web.Options{Handler: a.metrics.handler(), Log: a.log}))
		listeners = append(listeners, l)
	}
	challenges, err := a.listenACME(ctx)
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	group, ctx := errgroup.WithContext(ctx)
	if challenges != nil {
		group.Go(func() error { return a.serveACME(ctx, challenges) })
	}
	for i, s := range servers {
		group.Go(func() error { return s.Serve(listeners[i]) })
	}
	if cert := a.shown.Load(); tlsConfig != nil {
		group.Go(func() error { a.followCertificate(ctx, cert); return nil })
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-a.ended: // Close says why
		}
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		var errs []error
		for _, s := range servers {
			errs = append(errs, s.Shutdown(stop))
		}
		return errors.Join(errs...)
	})
	a.log.InfoContext(ctx, "serving", "environment", string(a.conf.Environment), "engine", string(a.db.Engine()))
	ready(scheme + "://" + public.Addr().String())
	return group.Wait()
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
