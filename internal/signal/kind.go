package signal

import (
	"slices"
	"strings"

	"strongroom"
)

// Platform is who sends a signal.
type Platform string

// The senders. Nuvemshop is Tiendanube under another name.
const (
	EcartAPI   Platform = "ecartapi"
	Shopify    Platform = "shopify"
	EBay       Platform = "ebay"
	Tiendanube Platform = "tiendanube"
	Shopline   Platform = "shopline"
)

// Platforms lists the closed set. Their places are stored.
func Platforms() []Platform { return []Platform{EcartAPI, Shopify, EBay, Tiendanube, Shopline} }

// Topic is what a signal asks for.
type Topic string

// The topics.
const (
	RedactCustomer Topic = "customers-redact"       // erase one shopper, or a few
	AskForData     Topic = "customers-data-request" // tell one shopper what is held
	RedactStore    Topic = "store-redact"           // erase everything of a shop
)

// Kind is one sort of message: who sends it and, where the address says so, what it
// asks for.
type Kind struct {
	Platform Platform
	Topic    Topic // empty: the message says
}

// ParseKind reads the last part of an address: a platform, and behind a hyphen a topic
// if the platform's messages do not name theirs. "tiendanube", "shopify" and
// "nuvemshop-customers-redact" are such. The fault is NotFound.
func ParseKind(s string) (Kind, error) {
	name, topic, _ := strings.Cut(strings.ReplaceAll(s, "_", "-"), "-")
	if name == "nuvemshop" {
		name = string(Tiendanube)
	}
	k := Kind{Platform: Platform(name)}
	if !slices.Contains(Platforms(), k.Platform) {
		return Kind{}, noKind()
	}
	switch topic {
	case "":
		return k, nil
	case "customers-redact":
		k.Topic = RedactCustomer
	case "customers-data-request":
		k.Topic = AskForData
	case "store-redact", "shop-redact", "merchants-redact":
		k.Topic = RedactStore
	default:
		return Kind{}, noKind()
	}
	if k.Platform == EcartAPI || k.Platform == EBay {
		return Kind{}, noKind()
	}
	return k, nil
}

func noKind() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "signal-kind", "there is no such kind of signal").
		Advise("use one of %v, with -customers-redact, -customers-data-request or -store-redact behind it where the platform has an address for each", Platforms())
}

// malformed is the fault of a message that cannot be what it should be.
func malformed(what string) *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "signal-malformed", "%s", what)
}
