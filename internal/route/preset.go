package route

import (
	"embed"
	"slices"
	"strings"

	"strongroom"
)

//go:embed preset/*.yaml
var presetFiles embed.FS

// Preset is a specification to begin with, for one service and its public protocol. It
// is text to edit: people propose what they made of it.
type Preset struct {
	Name  string // of the file, and of the route in it
	About string // its first sentence
	Text  string // in YAML, with what to know in comments
}

// Presets returns the presets in the order of their names.
func Presets() []Preset {
	entries, err := presetFiles.ReadDir("preset")
	if err != nil {
		panic(err) // they are built in
	}
	var out []Preset
	for _, e := range entries {
		text, err := presetFiles.ReadFile("preset/" + e.Name())
		if err != nil {
			panic(err) // as above
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), ".")
		out = append(out, Preset{strings.TrimSuffix(e.Name(), ".yaml"), strings.ReplaceAll(first, "\n# ", " "), string(text)})
	}
	return out
}

// PresetOf returns a preset by its name. Faults: NotFound preset.
func PresetOf(name string) (Preset, error) {
	list := Presets()
	i := slices.IndexFunc(list, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, strongroom.Faultf(strongroom.NotFound, "preset", "there is no such preset").
			Advise("see which there are: strongroom route preset list")
	}
	return list[i], nil
}
