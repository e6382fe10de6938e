package intake

// ReadEnvelope returns the objects of a list as the client sees them.
func ReadEnvelope(body []byte, name string) (items [][]byte, next string, err error) {
	e, err := readEnvelope(body, name)
	for _, s := range e.items {
		items = append(items, body[s.from:s.to])
	}
	return items, e.next, err
}
