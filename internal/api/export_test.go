package api

import "reflect"

// HasBody reports whether the route reads a body, by itself or not.
func (rt Route) HasBody() bool { return rt.body || rt.raw != "" && rt.Method == "POST" }

// Streams reports whether the route reads by itself.
func (rt Route) Streams() bool { return rt.raw != "" }

// MaxLimit returns the greatest page the route gives.
func (rt Route) MaxLimit() (int64, bool) {
	for _, p := range rt.params {
		if p.name == "limit" && p.page > 0 {
			return p.page, true
		}
	}
	for _, c := range rt.caps {
		if c.name == "limit" {
			return c.page, true
		}
	}
	return 0, false
}

// TakesLimit reports whether the route bounds its page.
func (rt Route) TakesLimit() bool {
	for _, f := range reflect.VisibleFields(rt.in) {
		if f.Type.Kind() == reflect.Int64 && f.Name == "Limit" {
			return true
		}
	}
	return false
}
