package review

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"strongroom"
)

// maxImportBytes bounds a text that is parsed.
const maxImportBytes = 8 << 20

func notAnImport(line int) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "import", "line %d does not read", line)
}

// ParseCSV reads a list of accounts: a heading with "account" and, in any order,
// "privilege" and "bound"; other columns are left out. The faults name the line and
// repeat nothing of it.
func ParseCSV(text []byte) (list []Listed, err error) {
	if len(text) > maxImportBytes {
		return nil, strongroom.Faultf(strongroom.TooLarge, "import", "an import has at most %d bytes", maxImportBytes)
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	head, err := r.Read()
	if err != nil {
		return nil, notAnImport(1)
	}
	column := map[string]int{}
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(h))
		if _, twice := column[h]; twice {
			return nil, notAnImport(1)
		}
		column[h] = i
	}
	if _, ok := column["account"]; !ok {
		return nil, strongroom.Faultf(strongroom.Invalid, "import", "the heading has no column account")
	}
	cell := func(row []string, name string) string {
		if i, ok := column[name]; ok {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	for line := 2; ; line++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list, checkListed(list, 2)
		}
		if err != nil || len(list) >= MaxImport {
			return nil, notAnImport(line)
		}
		list = append(list, Listed{Account: cell(row, "account"), Privilege: cell(row, "privilege"), Bound: cell(row, "bound")})
	}
}

// ParseJSON reads a list of accounts: an array of objects with "account" and, if
// known, "privilege" and "bound"; other fields are left out.
func ParseJSON(text []byte) (list []Listed, err error) {
	if len(text) > maxImportBytes {
		return nil, strongroom.Faultf(strongroom.TooLarge, "import", "an import has at most %d bytes", maxImportBytes)
	}
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return nil, strongroom.Faultf(strongroom.Invalid, "import", "the import is no list of accounts in JSON")
	}
	return list, CheckListed(list)
}
