package gateway

// Codes of what the mirror refuses of a platform's answer; with the kind
// Unavailable they are 502.
const (
	codeSize     = "upstream-size"
	codeBomb     = "upstream-bomb"
	codeRedirect = "upstream-redirect"
	codeAnswer   = "upstream-answer"
	codeToken    = "upstream-token"
	codeType     = "content-type" // Denied: 403
)

// isRefused reports whether a code is of what the mirror refuses of an answer.
func isRefused(code string) bool {
	switch code {
	case codeSize, codeBomb, codeRedirect, codeAnswer, codeToken, codeType:
		return true
	}
	return false
}
