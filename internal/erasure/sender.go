package erasure

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
	"strongroom/internal/signal"
)

// Limits of senders.
const (
	maxSenders = 64
	minSecret  = 8
	maxSecret  = 512
)

// Sender is a registered sender, without what it shares with us.
type Sender struct {
	ID       string // "snd_…"
	Platform signal.Platform
	Name     string    // of the application there, as people here call it
	Endpoint string    // eBay's alone: the address it was told
	Key      bool      // eBay's alone: its public key is known
	Set      time.Time // when its secret was set
	Used     time.Time // when it last proved a signal; zero if never
}

// SenderSpec says what to register. What is left empty stays as it was for a sender of
// that platform and name.
type SenderSpec struct {
	Platform signal.Platform
	Name     string
	// Secret is the application's client secret; for EcartAPI the value it sends as
	// Authorization; for eBay the verification token.
	Secret    signal.Secret
	Endpoint  string // eBay: the address it was told, to the letter
	PublicKey string // eBay: its public key, in PEM
}

// senderCard is what is sealed of a sender.
type senderCard struct {
	Name     string `json:"n"`
	Secret   string `json:"s"`
	Endpoint string `json:"e,omitempty"`
	Key      string `json:"k,omitempty"`
}

// sender is a registered sender as it is used.
type sender struct {
	row  senderRow
	card senderCard
}

func (s *sender) platform() signal.Platform { return db.At(signal.Platforms(), s.row.platform) }

func (s *sender) shown() Sender {
	return Sender{
		ID: s.row.id, Platform: s.platform(), Name: s.card.Name, Endpoint: s.card.Endpoint, Key: s.card.Key != "",
		Set: db.Time(s.row.set), Used: db.TimeOrZero(s.row.used),
	}
}

// proof is the sender as package signal checks messages against it.
func (s *sender) proof() signal.Sender {
	out := signal.Sender{Secret: signal.NewSecret(s.card.Secret), Endpoint: s.card.Endpoint}
	if s.card.Key != "" {
		if key, err := signal.ParseKey(s.card.Key); err == nil {
			out.Key = key
		}
	}
	return out
}

func (in *Inbox) senderAD(r *senderRow) []byte {
	return seal.AD("strongroom/signal-sender/1", string(in.o.Environment), r.id, r.platform, r.set)
}

// senders opens all registered senders. One whose row was edited proves nothing and is
// nobody: edited says what it is, so that it does not silence the others.
func (in *Inbox) senders(r *db.Reader) (list []sender, edited, err error) {
	rows, err := listSenders(r)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		s := sender{row: row}
		text, err := in.seal.Open(nil, in.senderAD(&row), row.sealed)
		if err == nil {
			err = json.Unmarshal(text, &s.card)
		}
		if err != nil {
			edited = strongroom.Faultf(strongroom.Internal, "sender-sealed", "a sender of signals does not open").
				Advise("its row was changed, or the keyring is another's; remove it and set it anew")
			continue
		}
		list = append(list, s)
	}
	return list, edited, nil
}

// SetSender registers a sender, or gives one another secret from now on. Faults:
// Invalid, Denied, Conflict (64 senders).
func (in *Inbox) SetSender(ctx context.Context, who strongroom.Actor, spec SenderSpec) (out Sender, err error) {
	if err := spec.check(); err != nil {
		return Sender{}, in.refuse(ctx, who, actionEdit, err)
	}
	err = in.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionEdit, instance(), guard.Context{}); err != nil {
			return err
		}
		all, edited, err := in.senders(&tx.Reader)
		if err == nil {
			err = edited // it may be the one that is set anew
		}
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s sender) bool { return s.platform() == spec.Platform && s.card.Name == spec.Name })
		s := sender{row: senderRow{id: strongroom.NewID("snd"), platform: db.Place(signal.Platforms(), spec.Platform)}}
		if i >= 0 {
			s = all[i]
		} else if len(all) >= maxSenders {
			return strongroom.Faultf(strongroom.Conflict, "senders", "an instance knows at most %d senders", maxSenders)
		}
		s.card.Name = spec.Name
		for _, f := range []struct {
			to   *string
			from string
		}{{&s.card.Secret, spec.Secret.Reveal()}, {&s.card.Endpoint, spec.Endpoint}, {&s.card.Key, spec.PublicKey}} {
			if f.from != "" {
				*f.to = f.from
			}
		}
		if s.card.Secret == "" {
			return strongroom.Faultf(strongroom.Invalid, "secret", "a sender has a secret")
		}
		s.row.set = db.Micros(tx.Now())
		text, err := json.Marshal(s.card)
		if err != nil {
			return err
		}
		s.row.sealed = in.seal.Seal(nil, in.senderAD(&s.row), text)
		tx.Note("kind", platformWord(spec.Platform))
		tx.Note("again", i >= 0)
		out = s.shown()
		return putSender(tx, &s.row)
	})
	if err != nil {
		return Sender{}, err
	}
	return out, nil
}

// check refuses a spec that no policy could make good. The error never repeats a value.
func (s SenderSpec) check() error {
	if db.Place(signal.Platforms(), s.Platform) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "kind", "a sender is one of %v", signal.Platforms())
	}
	if err := strongroom.CheckName("name", s.Name); err != nil {
		return err
	}
	if _, hit := classify.Has([]byte(s.Name)); hit {
		return strongroom.Faultf(strongroom.Invalid, "name", "the sender's name looks like personal data")
	}
	if text := s.Secret.Reveal(); text != "" && (len(text) < minSecret || len(text) > maxSecret || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })) {
		return strongroom.Faultf(strongroom.Invalid, "secret", "a secret has %d to %d printable signs", minSecret, maxSecret)
	}
	if s.Platform != signal.EBay {
		if s.Endpoint != "" || s.PublicKey != "" {
			return strongroom.Faultf(strongroom.Invalid, "kind", "only eBay has an address and a public key")
		}
		return nil
	}
	if s.Endpoint != "" {
		if u, err := url.Parse(s.Endpoint); err != nil || u.Scheme != "https" || u.Host == "" || len(s.Endpoint) > maxSecret {
			return strongroom.Faultf(strongroom.Invalid, "endpoint", "the address is the https address that eBay was told")
		}
	}
	if s.PublicKey != "" {
		_, err := signal.ParseKey(s.PublicKey)
		return err
	}
	return nil
}

// Senders lists the registered senders. Faults: Denied.
func (in *Inbox) Senders(ctx context.Context, who strongroom.Actor) (list []Sender, err error) {
	err = in.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		list = nil
		if err := v.Allow(actionList, instance(), guard.Context{}); err != nil {
			return err
		}
		all, edited, err := in.senders(&v.Reader)
		if err == nil {
			err = edited // a list that leaves one out would hide it
		}
		for i := range all {
			list = append(list, all[i].shown())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// DropSender forgets a sender: what it signs is refused from the commit on. Faults:
// Denied, NotFound.
func (in *Inbox) DropSender(ctx context.Context, who strongroom.Actor, id string) error {
	none := strongroom.Faultf(strongroom.NotFound, "sender", "there is no such sender")
	if !strongroom.IsID("snd", id) {
		return in.refuse(ctx, who, actionEdit, none)
	}
	return in.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actionEdit, instance(), guard.Context{}); err != nil {
			return err
		}
		found, err := dropSender(tx, id)
		if err == nil && !found {
			err = none
		}
		return err
	})
}

// prover returns the registered sender who proves a message; Unauthenticated if there
// is none.
func (in *Inbox) prover(ctx context.Context, k signal.Kind, m signal.Message) (id string, err error) {
	var all []sender
	var edited error
	err = in.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		all, edited, err = in.senders(r)
		return err
	})
	if err != nil {
		return "", err
	}
	for i := range all {
		if all[i].platform() == k.Platform && k.Verify(m, all[i].proof()) == nil {
			return all[i].row.id, nil
		}
	}
	if edited != nil {
		return "", edited // it may be that one's: it sends again
	}
	return "", signal.Forged()
}
