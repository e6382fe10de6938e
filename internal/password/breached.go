package password

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"golang.org/x/text/unicode/norm"

	"strongroom"
)

// maxLine bounds a line of a list of breached passwords, in bytes.
const maxLine = 128

// Breached reports whether a password is in a list of those that came out in breaches:
// a file with the SHA-1 of each in hexadecimal at the start of a line, sorted, as Have
// I Been Pwned gives it away. The list is searched where it lies, in some thirty
// readings, and nothing leaves the machine. The password is looked for as typed and in
// the form that is hashed here. A list that cannot be read, or does not have this form,
// is a fault Unavailable (code "breached-list"): nobody can say that the password is
// not in it.
func Breached(path string, candidate []byte) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, badList(err)
	}
	found, err := search(f, candidate)
	return found, errors.Join(err, f.Close())
}

func search(f *os.File, candidate []byte) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, badList(err)
	}
	for _, text := range [][]byte{candidate, norm.NFKC.Bytes(candidate)} {
		sum := sha1.Sum(text)
		found, err := contains(f, info.Size(), bytes.ToUpper(hex.AppendEncode(nil, sum[:])))
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// contains looks for a hash between the lines of a sorted file.
func contains(f io.ReaderAt, size int64, want []byte) (bool, error) {
	for lo, hi := int64(0), size; lo < hi; {
		start, line, err := lineAt(f, lo+(hi-lo)/2, size)
		if err != nil {
			return false, err
		}
		hash, err := hashOf(line)
		if err != nil {
			return false, err
		}
		switch c := bytes.Compare(hash, want); {
		case c == 0:
			return true, nil
		case c < 0:
			lo = start + int64(len(line)) + 1
		default:
			hi = start
		}
	}
	return false, nil
}

// lineAt returns the line around an offset, without its end, and where it starts.
func lineAt(f io.ReaderAt, at, size int64) (start int64, line []byte, err error) {
	from := max(0, at-maxLine)
	b := make([]byte, min(2*maxLine, size-from))
	if _, err := f.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, badList(err)
	}
	head := bytes.LastIndexByte(b[:at-from], '\n') + 1
	if head == 0 && from > 0 {
		return 0, nil, badList(nil)
	}
	line = b[head:]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	} else if from+int64(len(b)) < size {
		return 0, nil, badList(nil)
	}
	return from + int64(head), line, nil
}

// hashOf returns the hash at the start of a line, in capitals.
func hashOf(line []byte) ([]byte, error) {
	const chars = 2 * sha1.Size
	if len(line) < chars || len(line) > chars && line[chars] != ':' && line[chars] != '\r' {
		return nil, badList(nil)
	}
	if _, err := hex.DecodeString(string(line[:chars])); err != nil {
		return nil, badList(nil)
	}
	return bytes.ToUpper(line[:chars]), nil
}

func badList(err error) error {
	return strongroom.Faultf(strongroom.Unavailable, "breached-list", "the list of breached passwords cannot be read, so no password can be held against it").
		Advise("it holds SHA-1 hashes in hexadecimal, one a line, sorted; or take it out of the configuration").Because(err)
}
