package factor

import (
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"strongroom"
)

// Relying is the product as passkeys know it. A passkey made for one ID works for
// no other, so the ID of an installation must not change.
type Relying struct {
	ID      string   // the domain the console is served at, without scheme and port
	Origins []string // where the console is served: scheme, host and port; each host is the ID or below it
	Name    string   // shown by the authenticator
}

// User is who registers a passkey. Name and Display are personal: they go to the
// authenticator and are kept in neither state nor record.
type User struct {
	Handle  []byte // 1 to 64 bytes that name the person and say nothing about them
	Name    string // tells the accounts of one authenticator apart
	Display string // shown by the authenticator
}

// Passkey is what a ceremony proved.
type Passkey struct {
	ID     []byte // the credential's id, chosen by the authenticator, unique in practice
	Handle []byte // the person's, as given at registration
	// Record is what to keep of the passkey and to give back at the next
	// assertion. It changes with every one. It is not secret, but belongs to a
	// person and must not be forged: keep it sealed.
	Record         []byte
	UserPresent    bool   // somebody touched the authenticator
	UserVerified   bool   // the authenticator verified who, by PIN or body, for this very ceremony
	BackupEligible bool   // it may live on several devices of its owner
	BackedUp       bool   // it does
	Cloned         bool   // the counter did not rise: somebody may hold a copy
	SignCount      uint32 // the authenticator's counter as kept now; 0: it has none
	Model          string // the authenticator's model (AAGUID) in hex, zeros if it does not tell
}

// Factors is how many factors the ceremony proved (DPP 2.4.7): two if the
// authenticator verified the person, one if somebody was merely present, none if
// the authenticator may have been copied.
func (p Passkey) Factors() int {
	switch {
	case p.Cloned || !p.UserPresent:
		return 0
	case p.UserVerified:
		return 2
	}
	return 1
}

// Check says whether r can work: an ID, a name, and origins over https (http for
// localhost alone) whose hosts are the ID or below it.
func (r Relying) Check() error {
	if r.Name == "" || protocol.ValidateRPID(r.ID) != nil {
		return strongroom.Faultf(strongroom.Invalid, "passkey-relying", "passkeys need a name and a domain of the product").
			Advise("a domain has no scheme and no port, for example vault.example.com")
	}
	if len(r.Origins) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "passkey-origin", "passkeys need at least one origin")
	}
	for _, o := range r.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil ||
			u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
			return strongroom.Faultf(strongroom.Invalid, "passkey-origin", "an origin of passkeys is not of the form https://host:port").
				Advise("http is accepted for localhost alone")
		}
		host := strings.ToLower(u.Hostname())
		if host != r.ID && (net.ParseIP(host) != nil || !strings.HasSuffix(host, "."+r.ID)) {
			return strongroom.Faultf(strongroom.Invalid, "passkey-origin", "the host of an origin is neither the domain of the passkeys nor below it")
		}
	}
	return nil
}

func (r Relying) library() (*webauthn.WebAuthn, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	lib, err := webauthn.New(&webauthn.Config{
		RPID: r.ID, RPDisplayName: r.Name, RPOrigins: r.Origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:      protocol.ResidentKeyRequirementPreferred,
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: CeremonyLife},
			Registration: webauthn.TimeoutConfig{Timeout: CeremonyLife},
		},
		// Some password managers report extensions nobody asked for. Nothing here
		// looks at an extension, so nothing is lost by letting them.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "passkey-relying", "the domain or the origins of the passkeys are not usable")
	}
	return lib, nil
}

// algorithms are what a new passkey may sign with: what every current
// authenticator can (RS256 is for Windows Hello on older TPMs).
func algorithms() []protocol.CredentialParameter {
	var ps []protocol.CredentialParameter
	for _, a := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256} {
		ps = append(ps, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a})
	}
	return ps
}

// BeginRegistration starts the making of a passkey for u at the real time at.
// options is the JSON for the browser's navigator.credentials.create; state is
// for [Relying.FinishRegistration]. known are the records of u's other passkeys:
// an authenticator that holds one of them makes no second.
func (r Relying) BeginRegistration(u User, known [][]byte, at time.Time) (options, state []byte, err error) {
	lib, err := r.library()
	if err != nil {
		return nil, nil, err
	}
	creds, err := decodeRecords(known)
	if err != nil {
		return nil, nil, err
	}
	var exclude []protocol.CredentialDescriptor
	for _, c := range creds {
		exclude = append(exclude, c.Descriptor())
	}
	creation, session, err := lib.BeginRegistration(person{u, nil},
		webauthn.WithExclusions(exclude), webauthn.WithCredentialParameters(algorithms()))
	if err != nil {
		return nil, nil, strongroom.Faultf(strongroom.Internal, "passkey-begin", "the making of a passkey could not be started")
	}
	return begun(creation, ceremony{Kind: registering, Session: *session}, at)
}

// FinishRegistration checks the browser's answer to a registration and returns
// the new passkey. Whatever does not fit the state, down to a single bit, is a
// fault Invalid. Attestation is not asked for: the product trusts what the person
// holds, not who made it.
func (r Relying) FinishRegistration(state, answer []byte, at time.Time) (Passkey, error) {
	lib, err := r.library()
	if err != nil {
		return Passkey{}, err
	}
	c, err := resume(state, registering, at)
	if err != nil {
		return Passkey{}, err
	}
	if err := fits(answer); err != nil {
		return Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, refused(strongroom.Invalid, err)
	}
	cred, err := lib.CreateCredential(person{User{Handle: c.Session.UserID}, nil}, c.Session, parsed)
	if err != nil {
		return Passkey{}, refused(strongroom.Invalid, err)
	}
	return result(c.Session.UserID, *cred, parsed.Response.AttestationObject.AuthData.Flags)
}

// BeginAssertion starts the use of a passkey at the real time at. With the handle
// and the records of a known person it asks for one of theirs; with neither it
// asks for any the authenticator can find by itself, which names no account to
// whoever is asking. options is the JSON for navigator.credentials.get.
func (r Relying) BeginAssertion(handle []byte, known [][]byte, at time.Time) (options, state []byte, err error) {
	lib, err := r.library()
	if err != nil {
		return nil, nil, err
	}
	creds, err := decodeRecords(known)
	if err != nil {
		return nil, nil, err
	}
	var assertion *protocol.CredentialAssertion
	var session *webauthn.SessionData
	switch {
	case len(handle) == 0 && len(creds) == 0:
		assertion, session, err = lib.BeginDiscoverableLogin()
	case len(handle) == 0 || len(creds) == 0:
		return nil, nil, strongroom.Faultf(strongroom.NotFound, "passkey-none", "the person has no passkey")
	default:
		assertion, session, err = lib.BeginLogin(person{User{Handle: handle}, creds})
	}
	if err != nil {
		return nil, nil, strongroom.Faultf(strongroom.Internal, "passkey-begin", "the use of a passkey could not be started")
	}
	return begun(assertion, ceremony{Kind: asserting, Session: *session}, at)
}

// Find returns the record kept for the passkey id of the person handle names. A
// pair that does not belong together must be a fault NotFound.
type Find func(handle, id []byte) (record []byte, err error)

// FinishAssertion checks the browser's answer to an assertion and returns what
// it proves; the caller keeps the new record in the place of the old one, and
// looks at [Passkey.Factors] before it believes in anything. Whatever does not
// fit the state is a fault Unauthenticated; a failure of find is returned as it
// is, unless it is NotFound.
func (r Relying) FinishAssertion(state, answer []byte, find Find, at time.Time) (Passkey, error) {
	lib, err := r.library()
	if err != nil {
		return Passkey{}, err
	}
	c, err := resume(state, asserting, at)
	if err != nil {
		return Passkey{}, err
	}
	if err := fits(answer); err != nil {
		return Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Passkey{}, refused(strongroom.Unauthenticated, err)
	}
	handle := c.Session.UserID
	if len(handle) == 0 {
		handle = parsed.Response.UserHandle
	}
	if len(handle) == 0 || !c.allows(parsed.RawID) {
		return Passkey{}, unknown()
	}
	cred, err := lookUp(find, handle, parsed.RawID)
	if err != nil {
		return Passkey{}, err
	}
	c.Session.AllowedCredentialIDs = nil // looked at above; the library wants all of them at hand
	owner := person{User{Handle: handle}, []webauthn.Credential{cred}}
	var now *webauthn.Credential
	if len(c.Session.UserID) > 0 {
		now, err = lib.ValidateLogin(owner, c.Session, parsed)
	} else {
		mine := func([]byte, []byte) (webauthn.User, error) { return owner, nil }
		_, now, err = lib.ValidatePasskeyLogin(mine, c.Session, parsed)
	}
	if err != nil {
		return Passkey{}, refused(strongroom.Unauthenticated, err)
	}
	return result(handle, *now, parsed.Response.AuthenticatorData.Flags)
}

func lookUp(find Find, handle, id []byte) (webauthn.Credential, error) {
	record, err := find(handle, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return webauthn.Credential{}, unknown()
	}
	if err != nil {
		return webauthn.Credential{}, err
	}
	return decodeRecord(record)
}

// result makes what is returned and kept. The flags are those of the ceremony
// itself: a record remembers verification of long ago, which proves nothing now.
func result(handle []byte, c webauthn.Credential, flags protocol.AuthenticatorFlags) (Passkey, error) {
	c.Attestation = webauthn.CredentialAttestation{} // not asked for, and large
	record, err := json.Marshal(c)
	if err != nil {
		return Passkey{}, strongroom.Faultf(strongroom.Internal, "passkey-record", "a passkey could not be written down")
	}
	return Passkey{
		ID: c.ID, Handle: handle, Record: record,
		UserPresent: flags.HasUserPresent(), UserVerified: flags.HasUserVerified(),
		BackupEligible: flags.HasBackupEligible(), BackedUp: flags.HasBackupState(),
		Cloned: c.Authenticator.CloneWarning, SignCount: c.Authenticator.SignCount,
		Model: model(c.Authenticator.AAGUID),
	}, nil
}
