package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"strongroom"
	"strongroom/internal/keys"
	"strongroom/internal/seal"
)

// linkPlace stands where a link will be while an answer is treated: a link of the
// platform names its host, and its query may name a person.
const linkPlace = "https://strongroom.invalid/page/"

// links are the links of one answer.
type links struct {
	call *call
	made []string
}

// place notes what a link of the platform becomes and returns what stands for it.
func (l *links) place(old string) string {
	l.made = append(l.made, l.call.linkTo(old))
	return linkPlace + strconv.Itoa(len(l.made))
}

// fill puts the links into an answer that was treated.
func (l *links) fill(body []byte) []byte {
	for i, made := range l.made {
		place := appendQuoted(nil, linkPlace+strconv.Itoa(i+1))
		body = bytes.Replace(body, place, appendQuoted(nil, made), 1)
	}
	l.made = nil
	return body
}

// linkTo returns the address of the mirror for a link of the platform: the same call
// with the link's query. A query that may name somebody is sealed.
func (c *call) linkTo(old string) string {
	u, err := url.Parse(old)
	if err != nil || len(u.RawQuery) > maxQuery {
		return ""
	}
	query := u.RawQuery
	if !isPublic(u.Query()) {
		query = url.Values{"cursor": {c.sealCursor(query)}}.Encode()
	}
	if query != "" {
		query = "?" + query
	}
	return c.base + "/ecartapi/" + c.store + "/api/" + c.target.version + "/" + c.target.path() + query
}

// isPublic reports whether the parameters of a link page and filter, and say
// nothing that could name a person.
func isPublic(q url.Values) bool {
	for k, values := range q {
		switch k {
		case "limit", "page", "offset", "sinceId", "sort", "after", "createdAt[from]", "createdAt[to]", "updatedAt[from]", "updatedAt[to]":
		default:
			return false
		}
		for _, v := range values {
			if len(v) > 64 || !only(v, "._:+-", "") {
				return false
			}
		}
	}
	return true
}

// cursorPrefix begins a cursor that the mirror has sealed.
const cursorPrefix = "sr1."

func (g *Gateway) cursorKey(store string) (seal.Key, []byte, error) {
	key, err := g.o.Keys.StoreKey(store, keys.Credential)
	return key, seal.AD("strongroom/gateway/1", "cursor", store), err
}

func (c *call) sealCursor(query string) string {
	key, ad, err := c.g.cursorKey(c.store)
	if err != nil {
		return cursorPrefix
	}
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(key.Seal(nil, ad, []byte(query)))
}

// openCursor puts the query that a sealed cursor holds in the place of the
// call's own.
func (g *Gateway) openCursor(store string, t *target) error {
	all := t.query["cursor"]
	if !slices.ContainsFunc(all, func(c string) bool { return strings.HasPrefix(c, cursorPrefix) }) {
		return nil
	}
	text := strings.TrimPrefix(all[0], cursorPrefix)
	bad := strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor is none that this store was given").
		Advise("begin with the first page")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(t.query) != 1 || len(all) != 1 {
		return bad
	}
	key, ad, err := g.cursorKey(store)
	if err != nil {
		return err
	}
	query, err := key.Open(nil, ad, raw)
	if err != nil {
		return bad
	}
	if t.query, err = url.ParseQuery(string(query)); err != nil {
		return bad
	}
	return nil
}

// appendLinks appends the value of "page" with its links, the strings under
// "next" and "previous", replaced. What is no object of them stays as it is.
func appendLinks(dst, page []byte, link func(string) string) []byte {
	d := json.NewDecoder(bytes.NewReader(page))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return append(dst, page...)
	}
	at := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			break
		}
		if key != "next" && key != "previous" {
			continue
		}
		var old string
		if json.Unmarshal(value, &old) != nil || old == "" {
			continue
		}
		end := int(d.InputOffset())
		dst = append(dst, page[at:end-len(value)]...)
		dst = appendQuoted(dst, link(old))
		at = end
	}
	return append(dst, page[at:]...)
}

// appendQuoted appends s as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // a string always encodes
		return append(dst, `""`...)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
