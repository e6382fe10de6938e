package scim

import (
	"net/http"

	"strongroom"
	"strongroom/internal/federation"
)

// config says what the server can do (RFC 7643, 5).
func (h *Handler) config(call) (answer, error) {
	can := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	return answer{status: http.StatusOK, body: map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":   can(true), "etag": can(true), "sort": can(false), "changePassword": can(false),
		"bulk":   map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter": map[string]any{"supported": true, "maxResults": federation.MaxPage},
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Key of a service account", "description": "A key with the role provisioner, as a bearer token",
		}},
		"meta": map[string]any{"resourceType": "ServiceProviderConfig", "location": h.o.Base + "/ServiceProviderConfig"},
	}}, nil
}

// one answers with the entry the path names, or with all of them.
func one(c call, all []map[string]any) (answer, error) {
	id := c.r.PathValue("id")
	if id == "" {
		return list(all, len(all), 1), nil
	}
	for _, m := range all {
		if m["id"] == id {
			return answer{status: http.StatusOK, body: m}, nil
		}
	}
	return answer{}, strongroom.Faultf(strongroom.NotFound, "resource", "there is no such resource")
}

func (h *Handler) resourceTypes(c call) (answer, error) {
	kind := func(name, path, schema string, more ...any) map[string]any {
		return map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": name, "name": name, "endpoint": path,
			"schema": schema, "schemaExtensions": append([]any{}, more...),
			"meta": map[string]any{"resourceType": "ResourceType", "location": h.o.Base + "/ResourceTypes/" + name},
		}
	}
	return one(c, []map[string]any{
		kind("User", "/Users", userSchema, map[string]any{"schema": ownSchema, "required": false}),
		kind("Group", "/Groups", groupSchema),
	})
}

// attribute describes one attribute (RFC 7643, 7).
func attribute(name, kind string, change map[string]any, sub ...map[string]any) map[string]any {
	a := map[string]any{
		"name": name, "type": kind, "multiValued": false, "required": false, "caseExact": false, "mutability": "readWrite",
		"returned": "default", "uniqueness": "none",
	}
	if len(sub) > 0 {
		a["subAttributes"] = sub
	}
	for k, v := range change {
		a[k] = v
	}
	return a
}

// schemas describes what is kept, and nothing else.
func (h *Handler) schemas(c call) (answer, error) {
	plain := func(name string) map[string]any { return attribute(name, "string", nil) }
	fixed := func(name string) map[string]any {
		return attribute(name, "string", map[string]any{"mutability": "readOnly", "caseExact": true})
	}
	schema := func(id, name string, attrs ...map[string]any) map[string]any {
		return map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": id, "name": name, "attributes": attrs,
			"meta": map[string]any{"resourceType": "Schema", "location": h.o.Base + "/Schemas/" + id},
		}
	}
	external := attribute("externalId", "string", map[string]any{"caseExact": true})
	return one(c, []map[string]any{
		schema(userSchema, "User",
			attribute("userName", "string", map[string]any{"required": true, "uniqueness": "server"}), external,
			attribute("name", "complex", nil, plain("givenName"), plain("familyName"), plain("formatted")), plain("displayName"),
			attribute("emails", "complex", map[string]any{"multiValued": true}, plain("value"), plain("type"), attribute("primary", "boolean", nil)),
			attribute("userType", "string", map[string]any{"canonicalValues": []string{"employee", "contractor", "agency", "intern"}}),
			attribute("active", "boolean", nil),
			attribute("groups", "complex", map[string]any{"multiValued": true, "mutability": "readOnly"}, fixed("value"), fixed("display")),
		),
		schema(groupSchema, "Group",
			attribute("displayName", "string", map[string]any{"required": true, "uniqueness": "server"}), external,
			attribute("members", "complex", map[string]any{"multiValued": true},
				attribute("value", "string", map[string]any{"mutability": "immutable", "caseExact": true}), fixed("type")),
		),
		schema(ownSchema, "Account", fixed("account"), fixed("request")),
	})
}
