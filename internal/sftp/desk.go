package sftp

import (
	"context"
	"io"
	"net/netip"
	"time"
)

// Login is who asks to come in; the key is proved.
type Login struct {
	User        string     // as the client says it: to be compared, never written down
	Key         []byte     // the public key in the form of RFC 4253, section 6.6
	Fingerprint string     // "SHA256:…" of the key, as ssh-keygen -l shows it
	Source      netip.Addr // where the connection comes from
}

// Desk decides and records. It is safe for concurrent use.
type Desk interface {
	// Admit gives the room of a recipient, or an error for anybody else: of what
	// kind is not told to the client. The context ends with the connection.
	Admit(ctx context.Context, l Login) (Room, error)

	// Refused is told of each thing the door itself refused.
	Refused(source netip.Addr, why Refusal)
}

// Room is the folder of one recipient during one session. Every act is decided anew;
// a fault of kind NotFound says that there is no such file, any other that the
// recipient may not. It is safe for concurrent use.
type Room interface {
	// Recipient is the identifier that [Server.Cut] takes.
	Recipient() string

	// Files lists what lies there.
	Files(ctx context.Context) ([]File, error)

	// Open assembles a file.
	Open(ctx context.Context, name string) (Content, error)

	// Remove takes a file away.
	Remove(ctx context.Context, name string) error
}

// File is what a list shows.
type File struct {
	Name string    // without a slash
	Size int64     // in bytes
	Made time.Time // when it was laid down
}

// Content is an open file. Its reads are safe for concurrent use.
type Content interface {
	io.ReaderAt

	// Size is the length in bytes; it does not change.
	Size() int64

	// Close lets go of the content. Whole says that every byte of it was handed to the
	// connection: it counts as fetched, even if the line broke with the last of it.
	Close(whole bool) error
}

// Refusal is why the door refused, a word from a short list.
type Refusal string

// The refusals of the door itself.
const (
	RefusedNetwork   Refusal = "network"   // the source is in none of the networks
	RefusedLimit     Refusal = "limit"     // too many connections or sessions
	RefusedHandshake Refusal = "handshake" // no common algorithm, no proof, too slow, or not SSH
	RefusedKey       Refusal = "key"       // a key of a kind or length that is not taken
	RefusedChannel   Refusal = "channel"   // forwarding or a second session
	RefusedRequest   Refusal = "request"   // shell, command, terminal, environment
	RefusedAct       Refusal = "act"       // a write, a rename, a link, or a name that is none
)
