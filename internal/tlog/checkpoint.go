package tlog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is a commitment to a whole log: who keeps it, how many entries it
// holds and the root over them.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// ErrCheckpoint is the error of a text that is no checkpoint, or not in the one
// spelling we accept.
var ErrCheckpoint = errors.New("tlog: malformed checkpoint")

// ErrSignature is the error of a checkpoint that the key did not sign.
var ErrSignature = errors.New("tlog: the checkpoint is not signed by this key")

// maxCheckpoint bounds what is parsed, in bytes. Witnesses add a line each.
const maxCheckpoint = 64 << 10

// text returns the note's text, after C2SP tlog-checkpoint.
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" +
		base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Sign returns c as a signed note.
func (c Checkpoint) Sign(s *Signer) ([]byte, error) {
	if !validName(c.Origin) || c.Size < 0 {
		return nil, ErrCheckpoint
	}
	return note.Sign(&note.Note{Text: c.text()}, s)
}

// OpenCheckpoint verifies a signed note and returns its checkpoint. Signatures
// by others, such as witnesses, may stand beside ours. It fails with
// [ErrSignature] or [ErrCheckpoint].
func OpenCheckpoint(msg []byte, v *Verifier) (Checkpoint, error) {
	if len(msg) > maxCheckpoint {
		return Checkpoint{}, ErrCheckpoint
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		var unverified *note.UnverifiedNoteError
		var invalid *note.InvalidSignatureError
		if errors.As(err, &unverified) || errors.As(err, &invalid) {
			return Checkpoint{}, ErrSignature
		}
		return Checkpoint{}, ErrCheckpoint
	}
	if !canonicalNote(msg, n) {
		return Checkpoint{}, ErrCheckpoint
	}
	return parseCheckpoint(n.Text)
}

// canonicalNote reports whether msg is the one spelling of n. Base64 leaves bits
// unused and note.Open drops repeated signatures; both would let a byte change
// unseen.
func canonicalNote(msg []byte, n *note.Note) bool {
	lines := bytes.Count(msg[len(n.Text):], []byte("\n")) - 1
	if lines != len(n.Sigs)+len(n.UnverifiedSigs) {
		return false
	}
	for _, list := range [][]note.Signature{n.Sigs, n.UnverifiedSigs} {
		for _, s := range list {
			raw, err := base64.StdEncoding.DecodeString(s.Base64)
			if err != nil || base64.StdEncoding.EncodeToString(raw) != s.Base64 {
				return false
			}
		}
	}
	return true
}

// parseCheckpoint reads exactly what text writes: no extension lines.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || !validName(lines[0]) {
		return Checkpoint{}, ErrCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, ok := parseHash([]byte(lines[2]))
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if err != nil || !ok || size < 0 || c.text() != text {
		return Checkpoint{}, ErrCheckpoint
	}
	return c, nil
}

// parseHash reads a hash in base64, in its one spelling.
func parseHash(b []byte) (Hash, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(b))
	if err != nil || len(raw) != HashSize {
		return Hash{}, false
	}
	h := Hash(raw)
	return h, h.String() == string(b)
}
