package people

import (
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
)

// led returns who is remembered to have made a link: a person. The OS user makes one
// while nobody has an account that works, and then there is no other party.
func led(who strongroom.Actor) string {
	if !IsID(who.ID) {
		return ""
	}
	return who.ID
}

// Waits reports whether an account came, or will come, by a link that somebody saw,
// and nobody else has let it in yet (DPP 2.3.2). In a test instance nobody waits.
func (p *People) Waits(x Person) bool {
	return x.Led != "" && p.o.Environment == strongroom.Production
}

// nobodyElse reports whether no owner could let an account in but who made its link
// and the person, so that the OS user on the spot is the other party.
func (p *People) nobodyElse(r *db.Reader, x Person, now time.Time) (bool, error) {
	owners, err := p.o.Owners(r, now)
	if err != nil {
		return false, err
	}
	owners = slices.DeleteFunc(slices.Clone(owners), func(id string) bool { return id == x.ID || id == x.Led })
	for _, id := range owners {
		o, _, err := p.load(r, id)
		if isDamaged(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		if o.isActive(now) {
			return false, nil
		}
	}
	return true, nil
}
