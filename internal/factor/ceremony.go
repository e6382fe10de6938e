package factor

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"strongroom"
)

// CeremonyLife is how long a passkey ceremony may take, from the options to the
// answer, in real time (ours).
const CeremonyLife = 5 * time.Minute

// answerMax is the most an answer may measure; real ones stay below 10 KiB.
const answerMax = 64 << 10

// kind keeps the state of one kind of ceremony from serving another.
type kind string

const (
	registering kind = "register"
	asserting   kind = "assert"
)

// ceremony is the state between the options and the answer.
type ceremony struct {
	Kind    kind                 `json:"kind"`
	Until   int64                `json:"until"` // Unix seconds
	Session webauthn.SessionData `json:"session"`
}

// begun returns the two halves of a started ceremony.
func begun(options any, c ceremony, at time.Time) (wire, state []byte, err error) {
	c.Until = at.Add(CeremonyLife).Unix()
	// The browser is told that verification is required. The library is not, so
	// that an assertion without it arrives as what it is, one factor or none, and
	// its caller can say so.
	c.Session.UserVerification = protocol.VerificationPreferred
	wire, err = json.Marshal(options)
	if err == nil {
		state, err = json.Marshal(c)
	}
	if err != nil {
		return nil, nil, strongroom.Faultf(strongroom.Internal, "passkey-begin", "a passkey ceremony could not be written down")
	}
	return wire, state, nil
}

// resume reads the state of a ceremony of kind k, if it is still good at at.
func resume(state []byte, k kind, at time.Time) (ceremony, error) {
	var c ceremony
	if json.Unmarshal(state, &c) != nil || c.Kind != k {
		return c, strongroom.Faultf(strongroom.Invalid, "passkey-state", "this is not the state of such a passkey ceremony").
			Advise("start again")
	}
	if at.Unix() >= c.Until {
		return c, strongroom.Faultf(strongroom.Unauthenticated, "passkey-expired", "the passkey ceremony took longer than %d minutes",
			int(CeremonyLife.Minutes())).Advise("start again")
	}
	return c, nil
}

// allows reports whether the ceremony asked for the passkey id, or for any.
func (c ceremony) allows(id []byte) bool {
	ids := c.Session.AllowedCredentialIDs
	return len(ids) == 0 || slices.ContainsFunc(ids, func(a []byte) bool { return bytes.Equal(a, id) })
}

// person is a [User] with passkeys, as the library asks for it.
type person struct {
	u     User
	creds []webauthn.Credential
}

func (p person) WebAuthnID() []byte                         { return p.u.Handle }
func (p person) WebAuthnName() string                       { return p.u.Name }
func (p person) WebAuthnDisplayName() string                { return p.u.Display }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.creds }

func decodeRecord(record []byte) (webauthn.Credential, error) {
	var c webauthn.Credential
	if json.Unmarshal(record, &c) != nil || len(c.ID) == 0 || len(c.PublicKey) == 0 {
		return c, strongroom.Faultf(strongroom.Internal, "passkey-record", "the record of a passkey is damaged")
	}
	c.Authenticator.CloneWarning = false // of an earlier ceremony; this one speaks for itself
	return c, nil
}

func decodeRecords(records [][]byte) ([]webauthn.Credential, error) {
	var cs []webauthn.Credential
	for _, r := range records {
		c, err := decodeRecord(r)
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	return cs, nil
}

func model(aaguid []byte) string {
	if len(aaguid) != 16 {
		aaguid = make([]byte, 16)
	}
	return hex.EncodeToString(aaguid)
}

func fits(answer []byte) error {
	if len(answer) > answerMax {
		return strongroom.Faultf(strongroom.TooLarge, "passkey-size", "the answer of a passkey has more than %d bytes", answerMax)
	}
	return nil
}

// refused is the fault for an answer that does not verify. The library's own
// words may hold what the client sent; only its fixed name of the failure is
// taken over.
func refused(k strongroom.Kind, err error) error {
	f := strongroom.Faultf(k, "passkey-refused", "the answer of the passkey does not verify")
	if p, ok := errors.AsType[*protocol.Error](err); ok {
		f.What += " (" + p.Type + ")"
	}
	return f.Advise("start again, and at the address the passkey was made for")
}

func unknown() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "passkey-unknown", "the passkey is not known here").
		Advise("use another, or another way to sign in")
}
