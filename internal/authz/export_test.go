package authz

// Looked returns how many policies a decision about r evaluates.
func Looked(e *Engine, r Request) int {
	q, err := e.question(e.byAction[r.Action.Name], &r)
	if err != nil {
		return 0
	}
	n := 0
	for range q.All() {
		n++
	}
	return n
}
