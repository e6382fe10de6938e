package audit

import (
	"time"

	"strongroom"
	"strongroom/internal/tlog"
)

// Outcome says how an act ended. The numbers are stored.
type Outcome uint8

// The outcomes. Denied means that a rule said no; Failure that the act was
// allowed and did not work.
const (
	Success Outcome = iota + 1
	Failure
	Denied
)

// String returns the outcome in a word.
func (o Outcome) String() string {
	switch o {
	case Success:
		return "success"
	case Failure:
		return "failure"
	case Denied:
		return "denied"
	}
	return "unknown"
}

// Event is one act: who did what to what, why, and how it ended. It holds ids,
// closed words, keyed hashes and counts; [Batch.Append] refuses anything else.
type Event struct {
	// Time is when it happened, in milliseconds on disk. Zero is the instant of
	// the transaction; a time before the newest event becomes that event's time.
	Time time.Time
	// Action is the verb with its place in OCSF.
	Action strongroom.Action
	// Actor is who acted. Kind, ID, Session and Door are stored, roles and stores
	// are not.
	Actor strongroom.Actor
	// Resource is what it was done to. Type, ID and Store are stored.
	Resource strongroom.Resource
	Outcome  Outcome
	// Code is the fault code of what was denied or failed.
	Code string
	// Purpose is why personal data was opened; empty elsewhere.
	Purpose strongroom.Purpose
	// Reference is a keyed hash of the caller's reference in lower-case hex or
	// base32, never the reference.
	Reference string
	// Policies are the ids of the policies that decided, eight at most.
	Policies []string
	// Notes are further details, each key once; see [NoteKeys].
	Notes []Note
	// Names is the position of an earlier event this one refers to.
	Names *uint64
	// Break is set on the first event of a log that continues another, and there
	// alone; see [Log.Continue].
	Break *Break
}

// Note is one detail of an event. The value is an integer, a bool, an id, a
// keyed hash, a [Term], or a list of ids or words.
type Note struct {
	Key   string
	Value any
}

// text is a word. The type is not exported, so that only constants convert to
// it: no value of a caller can become a [Term].
type text string

// Term is a word that stood in the source code when the product was built. It
// may be a note's value although it is in no list.
type Term struct{ word string }

// Word returns the constant w as a term.
func Word(w text) Term { return Term{string(w)} }

// String returns the word.
func (t Term) String() string { return t.word }

// Break is what the first event of a continued log commits to.
type Break struct {
	Lost   tlog.Checkpoint // the newest checkpoint kept outside; zero if none was
	Found  tlog.Checkpoint // the tree over what the database held
	Reason string          // one of [Reasons]
}

// LostEvents returns how many events are known to be missing: those the lost
// checkpoint counted and the database did not hold. Events may have been changed
// as well, or cut after the last checkpoint, which no count can tell.
func (b Break) LostEvents() int64 {
	if b.Lost.Origin != b.Found.Origin {
		return b.Lost.Size // nothing of that log was found
	}
	return max(0, b.Lost.Size-b.Found.Size)
}

// Reasons returns the closed list of reasons to continue a log.
func Reasons() []string { return []string{"restore", "failover", "damage", "move", "drill"} }

// maxLog bounds the number of logs in one database and indexBits the events of a
// log, so that a position is an integer every JSON reader can hold.
const (
	maxLog    = 1<<13 - 1
	indexBits = 40
	maxIndex  = 1<<indexBits - 1
)

// position joins the number of a log and an index in it. In the first log, the
// only one unless a log was continued, position and index are the same.
func position(log, index int64) int64 { return log<<indexBits | index }

// splitPosition undoes position.
func splitPosition(p int64) (log, index int64) { return p >> indexBits, p & maxIndex }
