package app

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/fieldmap"
	"strongroom/internal/guard"
	"strongroom/internal/jobs"
	"strongroom/internal/webhook"
)

// Kinds of the jobs of webhooks. The numbers stand on disk.
const (
	jobWebhookSubscribe jobs.Kind = iota + 20
	jobWebhookProcess
	jobWebhookForward
	jobWebhookTend
)

// OutwardConfig says where the product may send what people name: messages to
// endpoints, calls of routes.
type OutwardConfig struct {
	// Networks that are not public and are meant, such as 10.1.0.0/16; default none.
	// Loopback is among them in a test instance.
	Networks []string `yaml:"networks,omitempty"`
}

// prefixes returns the networks. One that holds everybody would open everything.
func (o OutwardConfig) prefixes() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range o.Networks {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || p.Bits() < widest(p.Addr()) || p.Addr().Is4In6() {
			return nil, strongroom.Faultf(strongroom.Invalid, "outward", "outward.networks holds what is no network, or one that is too wide").
				Advise("list networks in CIDR notation")
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// openWebhooks opens what takes posts of EcartAPI in and tells the application.
func (a *App) openWebhooks(maps *fieldmap.Set) error {
	networks, err := a.conf.Outward.prefixes()
	if err != nil {
		return err
	}
	a.webhooks = webhook.New(webhook.Options{
		Guard: a.guard, Keys: a.keys, Vault: a.vault, Intake: a.intake, Environment: a.conf.Environment, Maps: maps, Log: a.log,
		Enqueue: func(tx *guard.Tx, o jobs.Order) (string, error) { return a.jobs.Enqueue(tx, o) }, // the queue comes next
		Kinds:   webhook.Kinds{Subscribe: jobWebhookSubscribe, Process: jobWebhookProcess, Forward: jobWebhookForward, Tend: jobWebhookTend},
		Public:  a.conf.publicURL, Limit: a.limit, Refused: a.refuse, Allow: networks,
		Lost: a.uninstalled,
	})
	return nil
}

// uninstalled closes a store whose merchant has taken the application away.
func (a *App) uninstalled(ctx context.Context, store, _ string) error {
	return a.connect.Lost(ctx, store, connect.Uninstalled)
}

// webhookGauges show what waits for a person.
func webhookGauges() []gauge {
	return []gauge{{describe("dead_letters", "Messages to applications that were given up and deliveries nobody understands."), gaugeValue,
		func(s snapshot) float64 { return float64(s.letters) }}}
}

// examineLetters looks for messages that were given up.
func (a *App) examineLetters(ctx context.Context) Finding {
	switch n, err := a.webhooks.Dead(ctx); {
	case err != nil:
		return finding("letters", err, "", "see docs/operations.md")
	case n > 0:
		return Finding{"letters", Warn, fmt.Sprintf("%d messages or deliveries wait for a person", n),
			"for each store: strongroom webhook dead STORE --data " + a.o.Dir}
	}
	return Finding{Check: "letters", State: OK, Found: "none waits"}
}

// connected subscribes to what happens at a store that was just connected, where
// EcartAPI can reach the instance.
func (a *App) connected(ctx context.Context, store string) error {
	if a.conf.PublicURL == "" {
		return nil
	}
	return a.webhooks.Connected(ctx, store)
}
