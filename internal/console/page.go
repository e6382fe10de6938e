package console

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/web"
)

//go:embed pages assets
var files embed.FS

// page is what a template is filled with.
type page struct {
	Title    string
	SignedIn bool
	Path     string       // of the page, for the navigation
	Wrong    *web.Problem // why a form is shown again
	Done     string       // what was done a moment ago
	Data     any
}

// parsePages reads the templates, each with the frame around it.
func parsePages() (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	out := map[string]*template.Template{}
	for _, name := range names {
		if name == "pages/frame.html" || name == "pages/parts.html" {
			continue
		}
		t, err := template.New("frame.html").Funcs(words()).ParseFS(files, "pages/frame.html", "pages/parts.html", name)
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(strings.TrimPrefix(name, "pages/"), ".html")] = t
	}
	return out, nil
}

// words are the functions of the templates.
func words() template.FuncMap {
	return template.FuncMap{
		"sentence": sentence,
		"points":   points,
		"dict":     dict,
		"paragraphs": func(s string) []string {
			return strings.FieldsFunc(strings.ReplaceAll(s, "\n\n", "\x00"), func(r rune) bool { return r == 0 })
		},
		"when": func(t time.Time) template.HTML { // digits and letters of ours alone
			if t.IsZero() {
				return "never"
			}
			t = t.UTC()
			return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 January 2006, 15:04 UTC") + `</time>`)
		},
		"title": func(s string) string { return sentenceCase(strings.ReplaceAll(s, "-", " ")) },
	}
}

// sentence makes a sentence of a fault's words.
func sentence(s string) string {
	s = sentenceCase(s)
	if s != "" && !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// points makes a sentence of each thing that is wrong with a password.
func points(s string) (out []string) {
	for i, part := range strings.Split(s, "; it ") {
		if i > 0 {
			part = "it " + part
		}
		out = append(out, sentence(part))
	}
	return out
}

// dict makes the data of a part of names and values in turn.
func dict(pairs ...any) (map[string]any, error) {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, strongroom.Faultf(strongroom.Internal, "page", "a part is given a name that is no text")
		}
		out[name] = pairs[i+1]
	}
	return out, nil
}

func sentenceCase(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// show answers with a page.
func (v *visit) show(name, title string, data any) error {
	var b bytes.Buffer
	p := page{Title: title, SignedIn: v.who.ID != "", Path: v.r.URL.Path, Wrong: v.wrong, Done: done(v.r), Data: data}
	if err := v.c.pages[name].Execute(&b, p); err != nil {
		// What a template has to say may quote its data.
		return strongroom.Faultf(strongroom.Internal, "page", "a page could not be written")
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(v.status)
	_, _ = v.w.Write(b.Bytes()) // the caller may have gone
	return nil
}

// done says what was done on the page before, by a word of the product's own.
func done(r *http.Request) string {
	switch r.URL.Query().Get("done") {
	case "password":
		return "The password was changed. Your other sessions have ended."
	case "passkey":
		return "The passkey was added."
	case "app":
		return "The authenticator app is in use."
	case "removed":
		return "It was removed."
	case "verified":
		return "Thank you. Go on with what you wanted to do."
	case "recorded":
		return "It was recorded."
	case "ended":
		return "It has ended."
	case "nothing":
		return "Your rights changed meanwhile, and nothing was done. Try again."
	case "again":
		return "Another tab renewed your session meanwhile, and nothing was done in this one. Try again."
	case "out":
		return "You are signed out."
	}
	return ""
}

// asset serves the style and the script.
func asset(v *visit) error {
	name := v.r.PathValue("file")
	kind := map[string]string{"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8"}[name]
	if kind == "" {
		return strongroom.Faultf(strongroom.NotFound, "path", "there is no such page")
	}
	text, err := files.ReadFile("assets/" + name)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", kind)
	_, _ = v.w.Write(text) // the caller may have gone
	return nil
}
