package web

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"

	"strongroom"
)

// Codes of faults that only a door can find. They refine the status of their
// kind; see [Status].
const (
	CodeMethod    = "method"     // 405
	CodeMediaType = "media-type" // 415
	CodeSlow      = "slow"       // 408: the body did not arrive in time
	CodeHeaders   = "headers"    // 431
)

// Codes of faults of kind Unavailable that say who failed: whoever is asked for the
// caller. All that begin like them are 502, but for the second.
const (
	CodeBadGateway  = "upstream-failed" // 502
	CodeGatewayTime = "upstream-slow"   // 504
)

// statusOf is the one table from the kind of a fault to a status code.
var statusOf = [...]int{
	strongroom.Internal:        http.StatusInternalServerError,
	strongroom.Invalid:         http.StatusBadRequest,
	strongroom.Unauthenticated: http.StatusUnauthorized,
	strongroom.Denied:          http.StatusForbidden,
	strongroom.NotFound:        http.StatusNotFound,
	strongroom.Conflict:        http.StatusConflict,
	strongroom.Held:            http.StatusLocked,
	strongroom.Erased:          http.StatusGone,
	strongroom.Exhausted:       http.StatusTooManyRequests,
	strongroom.TooLarge:        http.StatusRequestEntityTooLarge,
	strongroom.Unavailable:     http.StatusServiceUnavailable,
}

// Status returns the status code of err. An error without a fault is 500.
func Status(err error) int {
	f := faultOf(err)
	if f.Kind == strongroom.Invalid {
		switch f.Code {
		case CodeMethod:
			return http.StatusMethodNotAllowed
		case CodeMediaType:
			return http.StatusUnsupportedMediaType
		case CodeSlow:
			return http.StatusRequestTimeout
		case CodeHeaders:
			return http.StatusRequestHeaderFieldsTooLarge
		}
	}
	if f.Kind == strongroom.Unavailable && strings.HasPrefix(f.Code, "upstream-") {
		if f.Code == CodeGatewayTime {
			return http.StatusGatewayTimeout
		}
		return http.StatusBadGateway
	}
	if int(f.Kind) < len(statusOf) {
		return statusOf[f.Kind]
	}
	return http.StatusInternalServerError
}

// faultOf returns the first fault in err's chain, or the fault that the errors
// of the standard library stand for at a door.
func faultOf(err error) *strongroom.Fault {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return TooLarge()
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return strongroom.Faultf(strongroom.Invalid, CodeSlow, "the body did not arrive in time")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return strongroom.Faultf(strongroom.Unavailable, "time", "the call took too long or was given up").
			Advise("try again")
	}
	return strongroom.Faultf(strongroom.Internal, "internal", "something went wrong inside").
		Advise("the operational log has the request's id")
}

// TooLarge returns the fault for a body over its limit.
func TooLarge() *strongroom.Fault {
	return strongroom.Faultf(strongroom.TooLarge, "size", "the body is larger than this call takes")
}
