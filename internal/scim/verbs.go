package scim

import (
	"net/http"
	"strconv"

	"strongroom/internal/federation"
)

// query reads what a list is asked for. It takes no more than the standard's
// parameters; sorting is not offered.
func query(r *http.Request) (f *filter, q federation.Query, err error) {
	v := r.URL.Query()
	if text := v.Get("filter"); text != "" {
		if f, err = parseFilter(text); err != nil {
			return nil, q, refusal{err}
		}
	}
	q.Start, q.Count = 1, 100
	if s := v.Get("startIndex"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, q, refusal{badValue("startIndex is a number")}
		}
		q.Start = max(n, 1)
	}
	if s := v.Get("count"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, q, refusal{badValue("count is a number")}
		}
		q.Count = max(n, 0)
	}
	return f, q, nil
}

// list is the answer to a question for many.
func list(all []map[string]any, total, start int) answer {
	if all == nil {
		all = []map[string]any{}
	}
	return answer{status: http.StatusOK, body: map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, "totalResults": total, "startIndex": start,
		"itemsPerPage": len(all), "Resources": all,
	}}
}

// looked finds the value that a filter can only be passed with: an equality that
// stands alone or between ands.
func looked(f *filter, attr string) *string {
	switch {
	case f == nil:
	case f.op == "and":
		if s := looked(f.left, attr); s != nil {
			return s
		}
		return looked(f.right, attr)
	case f.op == "eq" && f.attr == attr:
		if s, ok := f.value.(string); ok {
			return &s
		}
	}
	return nil
}

func (h *Handler) listUsers(c call) (answer, error) {
	f, q, err := query(c.r)
	if err != nil {
		return answer{}, err
	}
	if f != nil {
		if _, err := f.match(userSource(federation.User{Emails: []federation.Email{{}}})); err != nil {
			return answer{}, refusal{err}
		}
		q.UserName, q.ExternalID = looked(f, "username"), looked(f, "externalid")
		q.MatchUser = func(u federation.User) bool {
			ok, err := f.match(userSource(u))
			return ok && err == nil
		}
	}
	users, total, err := h.o.Directory.Users(c.ctx, c.who, q)
	if err != nil {
		return answer{}, err
	}
	var out []map[string]any
	for _, u := range users {
		out = append(out, h.userOut(u))
	}
	return list(out, total, q.Start), nil
}

func (h *Handler) user(status int, u federation.User) answer {
	return answer{status: status, body: h.userOut(u), at: h.o.Base + "/Users/" + u.ID, version: u.Version}
}

func (h *Handler) createUser(c call) (answer, error) {
	u := federation.User{Active: true}
	if err := userFrom(c.body, &u); err != nil {
		return answer{}, refusal{err}
	}
	u, err := h.o.Directory.CreateUser(c.ctx, c.who, u)
	return h.user(http.StatusCreated, u), err
}

func (h *Handler) getUser(c call) (answer, error) {
	u, err := h.o.Directory.User(c.ctx, c.who, c.r.PathValue("id"))
	return h.user(http.StatusOK, u), err
}

// changeUser answers PUT, which replaces a user, and PATCH, which edits one.
func (h *Handler) changeUser(c call) (answer, error) {
	change := func(u *federation.User) error { return userFrom(c.body, u) }
	if c.r.Method == http.MethodPatch {
		steps, err := operations(c.body)
		if err != nil {
			return answer{}, refusal{err}
		}
		change = func(u *federation.User) error {
			for _, s := range steps {
				if err := s.each(func(x operation) error { return x.onUser(u) }); err != nil {
					return err
				}
			}
			return nil
		}
	}
	u, err := h.o.Directory.ChangeUser(c.ctx, c.who, c.r.PathValue("id"), wanted(c.r), change)
	return h.user(http.StatusOK, u), err
}

func (h *Handler) deleteUser(c call) (answer, error) {
	return answer{status: http.StatusNoContent}, h.o.Directory.DeleteUser(c.ctx, c.who, c.r.PathValue("id"))
}

func (h *Handler) listGroups(c call) (answer, error) {
	f, q, err := query(c.r)
	if err != nil {
		return answer{}, err
	}
	if f != nil {
		if _, err := f.match(groupSource(federation.Group{Members: []string{""}})); err != nil {
			return answer{}, refusal{err}
		}
		q.ByMember = true
		q.MatchGroup = func(g federation.Group) bool {
			ok, err := f.match(groupSource(g))
			return ok && err == nil
		}
	}
	groups, total, err := h.o.Directory.Groups(c.ctx, c.who, q, withMembers(c.r))
	if err != nil {
		return answer{}, err
	}
	var out []map[string]any
	for _, g := range groups {
		out = append(out, h.groupOut(g))
	}
	return list(out, total, q.Start), nil
}

// withMembers reports whether the members of a group are wanted.
func withMembers(r *http.Request) bool {
	only := names(r, "attributes")
	return !names(r, "excludedAttributes")["members"] && (len(only) == 0 || only["members"])
}

func (h *Handler) group(status int, g federation.Group) answer {
	return answer{status: status, body: h.groupOut(g), at: h.o.Base + "/Groups/" + g.ID, version: g.Version}
}

func (h *Handler) createGroup(c call) (answer, error) {
	var g federation.Group
	if err := groupFrom(c.body, &g); err != nil {
		return answer{}, refusal{err}
	}
	g, err := h.o.Directory.CreateGroup(c.ctx, c.who, g)
	return h.group(http.StatusCreated, g), err
}

func (h *Handler) getGroup(c call) (answer, error) {
	g, err := h.o.Directory.Group(c.ctx, c.who, c.r.PathValue("id"), withMembers(c.r))
	return h.group(http.StatusOK, g), err
}

// changeGroup answers PUT, which replaces a group, and PATCH, which edits one.
func (h *Handler) changeGroup(c call) (answer, error) {
	change := func(g *federation.Group) error { return groupFrom(c.body, g) }
	if c.r.Method == http.MethodPatch {
		steps, err := operations(c.body)
		if err != nil {
			return answer{}, refusal{err}
		}
		change = func(g *federation.Group) error {
			for _, s := range steps {
				if err := s.each(func(x operation) error { return x.onGroup(g) }); err != nil {
					return err
				}
			}
			return nil
		}
	}
	g, err := h.o.Directory.ChangeGroup(c.ctx, c.who, c.r.PathValue("id"), wanted(c.r), change)
	return h.group(http.StatusOK, g), err
}

func (h *Handler) deleteGroup(c call) (answer, error) {
	return answer{status: http.StatusNoContent}, h.o.Directory.DeleteGroup(c.ctx, c.who, c.r.PathValue("id"))
}
