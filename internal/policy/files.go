package policy

import (
	"maps"
	"slices"

	"strongroom/internal/authz"
)

// Files makes the files of a version of their texts by name, in order of the
// names. It is for doors, which do not speak of the engine.
func Files(texts map[string]string) []authz.File {
	files := make([]authz.File, 0, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		files = append(files, authz.File{Name: name, Text: []byte(texts[name])})
	}
	return files
}
