package fieldmap

import "io/fs"

// LoadOptions says what Load starts from. The zero value loads the embedded maps
// and detects nothing.
type LoadOptions struct {
	// Overlay holds the operator's own *.yaml files; nil means none.
	Overlay fs.FS
	// Detect reports whether a text holds personal data. A value of a clear
	// field that it fires on is treated as unknown. It must be safe for
	// concurrent use and must not keep its argument.
	Detect func(text []byte) bool
}
