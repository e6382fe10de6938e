package db

import (
	"database/sql"
	"database/sql/driver"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"strongroom"
)

// bind appends args to dst in the five forms both engines know: nil, int64,
// float64, string and []byte.
func bind(dst []any, args []any) ([]any, error) {
	for i, a := range args {
		v, err := bindOne(a, i)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

func bindOne(a any, i int) (any, error) {
	switch v := a.(type) {
	case nil, int64, float64, []byte:
		return a, nil
	case string:
		return a, checkText(v, i)
	case int:
		return int64(v), nil
	case uint64:
		return int64(v), nil // by bit pattern
	case uint32:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case time.Time:
		return nil, internal("argument", "instants are stored with db.Micros")
	case driver.Valuer:
		w, err := v.Value()
		if err != nil {
			return nil, strongroom.Faultf(strongroom.Internal, "argument", "argument %d has no value", i+1)
		}
		return bindOne(w, i)
	}
	return bindReflect(reflect.ValueOf(a), i)
}

// bindReflect binds types made of the plain ones: enumerations, ids, digests.
func bindReflect(v reflect.Value, i int) (any, error) {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return int64(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Bool:
		return bindOne(v.Bool(), i)
	case reflect.String:
		return v.String(), checkText(v.String(), i)
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return bindOne(v.Elem().Interface(), i)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes(), nil
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return b, nil
		}
	default:
	}
	return nil, strongroom.Faultf(strongroom.Internal, "argument", "argument %d has type %s, which no column stores", i+1, v.Type())
}

// checkText refuses on both engines what PostgreSQL cannot store.
func checkText(s string, i int) error {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return strongroom.Faultf(strongroom.Invalid, "text", "argument %d is not UTF-8 text without NUL", i+1)
	}
	return nil
}

// cellKind is the form of a cell.
type cellKind uint8

const (
	cellNull cellKind = iota
	cellInt
	cellFloat
	cellText
	cellBytes
)

// cell is one value of a result row.
type cell struct {
	kind cellKind
	i    int64
	f    float64
	s    string // cellText where the engine gave a string
	b    []byte // cellBytes, and cellText where shared
	// shared says that b is the engine's own buffer and must be copied.
	shared bool
}

func (c *cell) text() string {
	if c.b != nil {
		return string(c.b)
	}
	return c.s
}

func (c *cell) bytes() []byte {
	if c.kind == cellText && c.b == nil {
		return []byte(c.s)
	}
	if c.shared || c.b == nil {
		return append(make([]byte, 0, len(c.b)), c.b...)
	}
	return c.b
}

// value returns the cell in the form bind would give it.
func (c *cell) value() any {
	switch c.kind {
	case cellInt:
		return c.i
	case cellFloat:
		return c.f
	case cellText:
		return c.text()
	case cellBytes:
		return c.bytes()
	case cellNull:
	}
	return nil
}

// assign stores a cell in what dest points to; column is for the fault alone.
func assign(dest any, c cell, column int) error {
	switch d := dest.(type) {
	case *int64:
		if c.kind == cellInt {
			*d = c.i
			return nil
		}
	case *int:
		if c.kind == cellInt {
			*d = int(c.i)
			return nil
		}
	case *uint64:
		if c.kind == cellInt {
			*d = uint64(c.i)
			return nil
		}
	case *bool:
		if c.kind == cellInt && c.i>>1 == 0 {
			*d = c.i == 1
			return nil
		}
	case *float64:
		if c.kind == cellFloat {
			*d = c.f
			return nil
		}
	case *string:
		if c.kind == cellText {
			*d = c.text()
			return nil
		}
	case *[]byte:
		switch c.kind {
		case cellNull:
			*d = nil
			return nil
		case cellBytes, cellText:
			*d = c.bytes()
			return nil
		case cellInt, cellFloat:
		}
	case *any:
		*d = c.value()
		return nil
	case *time.Time:
		return internal("scan", "instants are read as integers, see db.Time")
	case sql.Scanner:
		if err := d.Scan(c.value()); err != nil {
			return errScan(dest, c, column)
		}
		return nil
	default:
		if assignReflect(reflect.ValueOf(dest), c) {
			return nil
		}
	}
	return errScan(dest, c, column)
}

// assignReflect stores in types made of the plain ones and reports whether that
// was possible without loss.
func assignReflect(p reflect.Value, c cell) bool {
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return false
	}
	v := p.Elem()
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if c.kind == cellInt && !v.OverflowInt(c.i) {
			v.SetInt(c.i)
			return true
		}
	case reflect.Uint64:
		if c.kind == cellInt {
			v.SetUint(uint64(c.i))
			return true
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		if c.kind == cellInt && c.i >= 0 && !v.OverflowUint(uint64(c.i)) {
			v.SetUint(uint64(c.i))
			return true
		}
	case reflect.Float32:
		if c.kind == cellFloat && (math.IsNaN(c.f) || !v.OverflowFloat(c.f)) {
			v.SetFloat(c.f)
			return true
		}
	case reflect.String:
		if c.kind == cellText {
			v.SetString(c.text())
			return true
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 && (c.kind == cellNull || c.kind == cellBytes) {
			if c.kind == cellNull {
				v.SetZero()
			} else {
				v.SetBytes(c.bytes())
			}
			return true
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && c.kind == cellBytes && len(c.b) == v.Len() {
			reflect.Copy(v, reflect.ValueOf(c.b))
			return true
		}
	case reflect.Pointer:
		if c.kind == cellNull {
			v.SetZero()
			return true
		}
		n := reflect.New(v.Type().Elem())
		if assign(n.Interface(), c, 0) != nil {
			return false
		}
		v.Set(n)
		return true
	default:
	}
	return false
}

func errScan(dest any, c cell, column int) error {
	kind := [...]string{"null", "integer", "float", "text", "bytes"}[c.kind]
	return strongroom.Faultf(strongroom.Internal, "scan", "column %d is %s and does not fit %T", column+1, kind, dest)
}
