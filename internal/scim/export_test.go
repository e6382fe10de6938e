package scim

import "strongroom/internal/federation"

// Matches parses a filter and asks it about a user.
func Matches(text string, u federation.User) (bool, error) {
	f, err := parseFilter(text)
	if err != nil {
		return false, err
	}
	return f.match(userSource(u))
}

// PatchUser carries the steps of a PATCH out.
func PatchUser(body []byte, u *federation.User) error {
	return patch(body, func(x operation) error { return x.onUser(u) })
}

// PatchGroup is [PatchUser] for a group.
func PatchGroup(body []byte, g *federation.Group) error {
	return patch(body, func(x operation) error { return x.onGroup(g) })
}

func patch(body []byte, fn func(operation) error) error {
	o, err := decode(body)
	if err != nil {
		return err
	}
	steps, err := operations(o)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := s.each(fn); err != nil {
			return err
		}
	}
	return nil
}
