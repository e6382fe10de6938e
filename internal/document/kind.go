package document

import (
	"bytes"
	"unicode/utf8"
)

// fits reports whether a file begins as one of its media type does.
func fits(media string, b []byte) bool {
	head := bytes.TrimLeft(b[:min(len(b), 64)], " \r\n\t\ufeff")
	switch media {
	case "application/pdf":
		return bytes.HasPrefix(head, []byte("%PDF-"))
	case "image/png":
		return bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n"))
	case "application/zpl": // a format, or a command to the printer before one
		return bytes.HasPrefix(head, []byte("^XA")) || bytes.HasPrefix(head, []byte("~")) || bytes.HasPrefix(head, []byte("CT~~CD,~CC^~CT~"))
	case "text/plain":
		return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0
	}
	return false
}
