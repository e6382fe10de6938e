package main

import (
	"fmt"
	"time"

	"strongroom"
	"strongroom/internal/demo"
	"strongroom/internal/sim"
)

type simCmd struct {
	scripted
	Listen string    `default:"127.0.0.1:0" help:"Loopback address to serve on; port 0 picks a free one."`
	Orders int       `default:"1000" help:"Orders of each store."`
	Dead   float64   `default:"0.8" help:"Share of orders that are past every clock; 0 for none."`
	Seed   uint64    `default:"1" help:"Chooses the world: equal seeds and times give equal orders."`
	Now    time.Time `help:"Time that ages are counted from; default: now."`
	Full   bool      `help:"Write every documented key, with null where there is no value."`
	Quirks []string  `enum:"all,scalars,dates,shapes,throttle,fail,slow,malformed,duplicates" help:"Oddities to show: all, or any of scalars, dates, shapes, throttle, fail, slow, malformed, duplicates."`
}

// Help shows examples below the flags.
func (s *simCmd) Help() string {
	return `Serves until it is interrupted. Everybody in it is invented.

Examples:
  strongroom sim --orders 5000 --quirks throttle,duplicates
  strongroom sim --json`
}

// simView is a store of the simulator with what it takes to pull it.
type simView struct {
	Name     string `json:"name"`
	Platform string `json:"platform"`
	Version  string `json:"version"`
	Orders   int    `json:"orders"`
	Token    string `json:"token"`
}

func (s *simCmd) Run(g *globals) error {
	if s.Orders < 1 || s.Dead < 0 || s.Dead > 1 {
		return fmt.Errorf("%w: --orders is at least 1 and --dead a share between 0 and 1", errUsage)
	}
	o := sim.Options{Seed: s.Seed, Now: s.Now, Orders: s.Orders, Dead: s.Dead, Full: s.Full, Quirks: quirks(s.Quirks)}
	if s.Now.IsZero() {
		o.Now = time.Now()
	}
	if s.Dead == 0 {
		o.Dead = -1 // zero means the default there
	}
	world := sim.New(o)
	base, stop, err := demo.Loopback(g.ctx, s.Listen, world.Handler())
	if err != nil {
		return strongroom.Faultf(strongroom.Invalid, "listen", "the simulator cannot listen").Because(err)
	}
	var stores []simView
	var rows [][]string
	for _, st := range world.Stores() {
		v := simView{st.Name, st.Platform, st.Version, st.Orders, st.Token}
		stores = append(stores, v)
		rows = append(rows, []string{v.Name, v.Platform, v.Version, fmt.Sprint(v.Orders), v.Token})
	}
	if s.JSON {
		err = printJSON(g.out, map[string]any{
			"base_url": base, "url": base, "stores": stores, "app_id": sim.AppID, "client_id": world.ClientID(), "oauth_url": base + "/oauth",
		})
	} else {
		fmt.Fprintf(g.out, "ready %s\n", base)
		err = table(g.out, "STORE\tPLATFORM\tVERSION\tORDERS\tTOKEN", rows)
	}
	if err == nil {
		<-g.ctx.Done()
	}
	if e := stop(); err == nil {
		err = e
	}
	return err
}

// quirks turns words into the simulator's oddities, at the rates that its own
// choice of all of them has.
func quirks(words []string) sim.Quirks {
	all := sim.AllQuirks()
	var q sim.Quirks
	for _, w := range words {
		switch w {
		case "all":
			return all
		case "scalars":
			q.MixedScalars = true
		case "dates":
			q.DateFormats = true
		case "shapes":
			q.OddShapes = true
		case "throttle":
			q.Throttle = all.Throttle
		case "fail":
			q.Fail = all.Fail
		case "slow":
			q.Slow, q.SlowFor = all.Slow, all.SlowFor
		case "malformed":
			q.Malformed = all.Malformed
		case "duplicates":
			q.Duplicates = all.Duplicates
		}
	}
	return q
}
