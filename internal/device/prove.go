package device

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Evidence is what a call brings to prove its device, as the door saw it.
type Evidence struct {
	// Certificate is the client's, of which TLS has proved that the client holds
	// the key; nil if there is none. Who signed it is not asked: its key is known or
	// is not.
	Certificate *x509.Certificate
	// Header is the signed proof, empty if there is none; Method and Path are those
	// of the call it came with.
	Header, Method, Path string
}

// Proof is what the register says of a call's device.
type Proof struct {
	ID      string // empty where the device is unknown
	Owner   string
	posture Posture
}

// PostureFor returns the posture as far as it counts for a person: a device that is
// somebody else's is unknown.
func (p Proof) PostureFor(person string) Posture {
	if p.ID == "" || p.Owner == "" || p.Owner != person {
		return Unknown
	}
	return p.posture
}

func badProof(what string) error {
	return strongroom.Faultf(strongroom.Unauthenticated, "device-proof", "the proof of the device %s", what)
}

// Enrol lets a device bring its key: by the certificate of the connection, or by a
// signed proof that holds its public key. The code works once. It is the device
// that calls, so nobody is known yet; the code stands for the operator.
func (d *Devices) Enrol(ctx context.Context, code string, e Evidence) (Device, error) {
	bad := strongroom.Faultf(strongroom.Unauthenticated, "device-code", "the code is not known, was used, or is over").
		Advise("ask for a new one")
	if !isCode(d.o.Environment, code) {
		return Device{}, bad
	}
	var row deviceRow
	var who strongroom.Actor
	find := func(r *db.Reader) error {
		id, expires, err := loadCode(r, d.digest(code))
		if err != nil {
			return err
		}
		if row, err = loadDevice(r, id); err != nil {
			return err
		}
		x, _, err := d.open(row)
		if err != nil {
			return err
		}
		if !r.Now().Before(db.TimeOrZero(expires)) || !r.Now().Before(x.Expires) || row.revoked > 0 || row.proof != "" {
			return bad
		}
		who = strongroom.Actor{Kind: strongroom.PersonActor, ID: row.owner, Door: "http"}
		return nil
	}
	unknown := func(err error) error {
		if strongroom.IsKind(err, strongroom.NotFound) {
			return bad
		}
		return err
	}
	if err := d.o.Guard.Look(ctx, guard.LookUp, find); err != nil {
		return Device{}, unknown(err)
	}
	key, how, err := d.brought(e)
	if err != nil {
		return Device{}, err
	}
	var out Device
	err = d.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(deviceProve, resource(row.id, who, row.owner), guard.Context{}); err != nil {
			return err
		}
		if err := find(&tx.Reader); err != nil {
			return unknown(err)
		}
		digest := keyDigest(key)
		switch _, err := findDevice(&tx.Reader, digest); {
		case err == nil:
			return strongroom.Faultf(strongroom.Conflict, "device-known", "the key is that of another device")
		case !strongroom.IsKind(err, strongroom.NotFound):
			return err
		}
		_, x, err := d.open(row)
		if err != nil {
			return err
		}
		row.proof, row.key, row.proved, x.Key = how, digest, db.Micros(tx.Now()), key
		if row, err = d.sealRow(row, x); err != nil {
			return err
		}
		if out, _, err = d.open(row); err != nil {
			return err
		}
		if err := deleteCodes(tx, row.id); err != nil {
			return err
		}
		return updateDevice(tx, row)
	})
	if err != nil {
		return Device{}, err
	}
	return out, nil
}

// brought returns the public key that the evidence proves the device to hold.
func (d *Devices) brought(e Evidence) (key []byte, how string, err error) {
	now := d.o.Real.Now()
	if e.Certificate != nil {
		if !inDates(e.Certificate, now) {
			return nil, "", badProof("is a certificate outside its dates")
		}
		return e.Certificate.RawSubjectPublicKeyInfo, byCertificate, nil
	}
	p, err := readProof(e, now)
	if err != nil {
		return nil, "", err
	}
	return p.spki, byKey, nil
}

func inDates(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// keyDigest is what a device is found by: SHA-256 of its public key in PKIX form.
func keyDigest(spki []byte) []byte {
	h := sha256.Sum256(spki)
	return h[:]
}

// Prove says which device a call comes from. A call without evidence, or whose
// evidence is of no device of the register, is of an unknown device and no fault.
// A signed proof that is damaged, of another call, too old or used before is a
// fault Unauthenticated, code "device-proof"; a certificate takes its place if both
// are there.
func (d *Devices) Prove(ctx context.Context, e Evidence) (Proof, error) {
	if e.Certificate == nil && e.Header == "" {
		return Proof{posture: Unknown}, nil
	}
	now := d.o.Real.Now()
	if e.Certificate != nil {
		if !inDates(e.Certificate, now) {
			return Proof{posture: Unknown}, nil
		}
		return d.find(ctx, e.Certificate.RawSubjectPublicKeyInfo, byCertificate)
	}
	p, err := readProof(e, now)
	if err != nil {
		return Proof{}, err
	}
	found, err := d.find(ctx, p.spki, byKey)
	if err != nil || found.ID == "" {
		return found, err // a number of nobody's is not worth keeping
	}
	return found, d.once(ctx, p, now)
}

// find looks a key up in the register.
func (d *Devices) find(ctx context.Context, spki []byte, how string) (Proof, error) {
	out := Proof{posture: Unknown}
	err := d.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		row, err := findDevice(r, keyDigest(spki))
		if err != nil {
			return err
		}
		x, _, err := d.open(row)
		if err != nil {
			return err
		}
		if x.Proof == how && x.Revoked.IsZero() && r.Now().Before(x.Expires) {
			out = Proof{ID: x.ID, Owner: x.Owner, posture: x.Posture}
		}
		return nil
	})
	if strongroom.IsKind(err, strongroom.NotFound) {
		err = nil
	}
	return out, err
}

// once refuses a signed proof that was used before.
func (d *Devices) once(ctx context.Context, p signed, now time.Time) error {
	m := d.mac.MAC([]byte("nonce"), p.spki, []byte(p.number))
	fresh := false
	err := d.o.Guard.Quiet(ctx, guard.Idempotency, func(_ context.Context, tx *guard.Tx) error {
		if err := expireNonces(tx, db.Micros(now)); err != nil {
			return err
		}
		var err error
		// It cannot be used after its time and the skew on both sides.
		fresh, err = insertNonce(tx, m[:], db.Micros(p.at.Add(2*Skew)))
		return err
	})
	if err == nil && !fresh {
		err = badProof("was used before")
	}
	return err
}
