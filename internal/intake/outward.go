package intake

import (
	"context"
	"net/http"
	"net/netip"
	"sync"

	"strongroom"
	"strongroom/internal/egress"
	"strongroom/internal/guard"
)

// outward keeps a transport for each origin that a connection names by itself, so
// that connections are used again. The address is checked at each dial.
type outward struct {
	mu sync.Mutex
	by map[egress.Origin]*egress.Transport
}

// keepOutward bounds the origins that are remembered.
const keepOutward = 64

func (o *outward) to(origin egress.Origin, loopback bool) *egress.Transport {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.by[origin]; t != nil {
		return t
	}
	options := egress.Options{Origin: origin, Limits: egress.Limits{BodyBytes: -1}} // the client bounds bodies
	if loopback {
		options.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if o.by == nil || len(o.by) >= keepOutward {
		o.by = make(map[egress.Origin]*egress.Transport)
	}
	t := egress.New(options)
	o.by[origin] = t
	return t
}

// CheckBase refuses a base address of a connection that is not spelled so, or that
// leads, now, to an address that is not public; "" is the configured one and passes.
// Each dial checks again. Faults: Invalid, Denied, Unavailable where the host has no
// address.
func (i *Intake) CheckBase(ctx context.Context, base string) error {
	if base == "" {
		return nil
	}
	o, err := i.origin(base)
	if err != nil {
		return err
	}
	if o.Plain() && !i.o.Loopback {
		return strongroom.Faultf(strongroom.Invalid, "base", "the base address must be https")
	}
	return i.out.to(o, i.o.Loopback).Check(ctx)
}

// Way returns where EcartAPI answers for a connection, and by which transport; nil is
// one of the caller's own, for "", the configured address. Faults: Invalid.
func (i *Intake) Way(base string) (http.RoundTripper, string, error) {
	if base == "" {
		return nil, i.o.BaseURL, nil
	}
	o, err := i.origin(base)
	if err != nil {
		return nil, "", err
	}
	return guard.Transport(i.out.to(o, i.o.Loopback)), o.String(), nil
}
