package strongroom_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

const asvsPage = "docs/security/asvs.md"

// asvs are the sections of OWASP ASVS 5.0.0 the page answers, with their
// requirements of levels 1 and 2.
var asvs = map[string]int{
	"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
	"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
	"8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.5": 5,
}

var (
	asvsRow   = regexp.MustCompile(`^\| (\d+\.\d+)\.(\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
	asvsStart = regexp.MustCompile(`^\| \d+\.\d+\.\d`)
	asvsTest  = regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)\\w+)`")
	asvsLink  = regexp.MustCompile(`\[[^\]]+\]\(([^)#]+)#([^)]+)\)`)
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestHouseASVSNamesTests holds the page to its word: each requirement is there
// once, what is shown names a test, what is documented a section, and whatever is
// named exists.
func TestHouseASVSNamesTests(t *testing.T) {
	text, err := os.ReadFile(asvsPage)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			for _, m := range testFunc.FindAllStringSubmatch(s.text, -1) {
				tests[s.pkg+"."+m[1]] = true
			}
		}
	}
	for _, fault := range asvsFaults(string(text), tests) {
		t.Error(fault)
	}
	// Planted: a page without its rows, and rows that say nothing or something wrong.
	if n := len(asvsFaults("", tests)); n != 80 {
		t.Errorf("an empty page misses %d requirements", n)
	}
	for why, row := range map[string]string{
		"does not exist":  "| 6.3.2 | x | 1 | shown | `people.TestNobodyWroteThis` |",
		"names no test":   "| 6.3.2 | x | 1 | shown | we looked at it |",
		"names no sect":   "| 6.3.2 | x | 1 | documented | [here](../people.md) |",
		"no section":      "| 6.3.2 | x | 1 | documented | [here](../people.md#nowhere) |",
		"no file":         "| 6.3.2 | x | 1 | documented | [here](../nobody.md#nowhere) |",
		"gives no reason": "| 6.3.2 | x | 1 | open | `people.TestFounding` |",
		"is no state":     "| 6.3.2 | x | 1 | done | `people.TestFounding` |",
		"is no level":     "| 6.3.2 | x | 3 | shown | `people.TestFounding` |",
		"is no require":   "| 6.3.9 | x | 1 | shown | `people.TestFounding` |",
		"twice":           "| 6.3.1 | x | 1 | shown | `people.TestFounding` |",
		"is no row":       "| 6.3.2 | x | 1 | `people.TestFounding` |",
	} {
		page := strings.Replace(string(text), "\n| 6.3.2 |", "\n"+row+"\n| 0.0 |", 1)
		if found := strings.Join(asvsFaults(page, tests), "\n"); !strings.Contains(found, why) {
			t.Errorf("a row that %s is not found, only:\n%s", why, found)
		}
	}
}

// asvsFaults returns what is wrong with a page.
func asvsFaults(page string, tests map[string]bool) (faults []string) {
	seen := map[string]bool{}
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if !asvsStart.MatchString(line) {
			continue
		}
		m := asvsRow.FindStringSubmatch(line)
		if m == nil {
			faults = append(faults, fmt.Sprintf("%s is no row of five columns", line))
			continue
		}
		id := m[1] + "." + m[2]
		if seen[id] {
			faults = append(faults, id+" is there twice")
		}
		seen[id] = true
		for _, fault := range asvsRowFaults(m[4], m[5], m[6], tests) {
			faults = append(faults, id+" "+fault)
		}
	}
	for section, n := range asvs {
		for i := range n {
			id := fmt.Sprintf("%s.%d", section, i+1)
			if !seen[id] {
				faults = append(faults, id+" is missing")
			}
			delete(seen, id)
		}
	}
	for id := range seen {
		faults = append(faults, id+" is no requirement of levels 1 and 2")
	}
	return faults
}

func asvsRowFaults(level, state, why string, tests map[string]bool) (faults []string) {
	named, links := asvsTest.FindAllStringSubmatch(why, -1), asvsLink.FindAllStringSubmatch(why, -1)
	for _, m := range named {
		if !tests[m[1]+"."+m[2]] {
			faults = append(faults, fmt.Sprintf("names %s.%s, which does not exist", m[1], m[2]))
		}
	}
	for _, m := range links {
		file := path.Join(path.Dir(asvsPage), m[1])
		if text, err := os.ReadFile(file); err != nil {
			faults = append(faults, fmt.Sprintf("leads to %s: no file", file))
		} else if !hasAnchor(string(text), m[2]) {
			faults = append(faults, fmt.Sprintf("leads to %s#%s: no section", file, m[2]))
		}
	}
	if level != "1" && level != "2" {
		faults = append(faults, level+" is no level of this page")
	}
	words := asvsLink.ReplaceAllString(asvsTest.ReplaceAllString(why, ""), "")
	switch state {
	case "shown":
		if len(named) == 0 {
			faults = append(faults, "names no test")
		}
	case "documented":
		if len(links) == 0 {
			faults = append(faults, "names no section")
		}
	case "deviates", "not applicable", "open":
		if len(strings.Fields(words)) < 4 {
			faults = append(faults, "gives no reason")
		}
	default:
		faults = append(faults, state+" is no state")
	}
	return faults
}

// hasAnchor reports whether a page has a heading that is linked to as anchor.
func hasAnchor(page, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		if name == anchor {
			return true
		}
	}
	return false
}
