package db

import "strings"

// unnumbered returns sql with ? in the place of $1, $2, …, if they stand there in
// this order, each once; else sql as it is. The SQLite driver asks for the name of
// each parameter that has one at each execution, and SQLite looks it up in a list:
// a sixth of what a statement of eighty parameters costs. Text with quotes or
// comments is left alone.
func unnumbered(sql string) string {
	var b strings.Builder
	b.Grow(len(sql))
	next := 1
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'' || c == '"' || c == '`' || c == '[' || c == '?',
			strings.HasPrefix(sql[i:], "--"), strings.HasPrefix(sql[i:], "/*"):
			return sql
		case c != '$':
			b.WriteByte(c)
			i++
		default:
			n, j := 0, i+1
			for ; j < len(sql) && sql[j] >= '0' && sql[j] <= '9' && n <= next; j++ {
				n = n*10 + int(sql[j]-'0')
			}
			if n != next || sql[i+1] == '0' || j < len(sql) && wordByte(sql[j]) {
				return sql
			}
			b.WriteByte('?')
			next, i = next+1, j
		}
	}
	return b.String()
}

// wordByte reports whether c would go on with a word.
func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}
