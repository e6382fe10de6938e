package guard

// strangers are the places for calls of people nobody knows yet. Whoever finds none
// free is refused at once and waits nowhere: the queue stays open to those who are
// known.
type strangers chan struct{}

// enter takes a place, if there is one.
func (s strangers) enter() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s strangers) leave() { <-s }
