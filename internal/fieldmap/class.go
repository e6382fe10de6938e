package fieldmap

// Class says what sort of personal data a leaf holds. The list is closed and its
// numbers are stored: append only.
type Class uint8

// The classes. Unknown is a value no map names; Key is an object key.
const (
	Unknown    Class = iota
	Email            // e-mail address
	Phone            // telephone number
	Name             // a person's name or a part of it
	Address          // street lines, interior numbers, directions
	City             // town or district
	PostalCode       // postal code; ZIP+4 is the policy's nine-digit code
	NationalID       // national or tax identification
	FreeText         // notes, gift messages, survey answers, item names
	Payment          // transaction ids, card data, coupon codes
	Network          // IP address, device, user agent, cookie, landing page
	Geo              // coordinates
	Tracking         // parcel numbers and links
	Document         // labels and other files about a person
	Linkable         // ids that stand for a person: customer, address, checkout
	Company          // a shopper's company
	Merchant         // data of the store and its premises
	Birthday         // date of birth, age, gender
	Key              // personal data in an object key
	classes
)

var classNames = [classes]string{
	Unknown: "unknown", Email: "email", Phone: "phone", Name: "name", Address: "address", City: "city",
	PostalCode: "postal", NationalID: "national", FreeText: "text", Payment: "payment", Network: "network",
	Geo: "geo", Tracking: "tracking", Document: "document", Linkable: "linkable", Company: "company",
	Merchant: "merchant", Birthday: "birthday", Key: "key",
}

// String returns the class's name as maps and reveals spell it.
func (c Class) String() string {
	if c < classes {
		return classNames[c]
	}
	return classNames[Unknown]
}

// ParseClass returns the class named s.
func ParseClass(s string) (Class, bool) {
	for c, n := range classNames {
		if n == s {
			return Class(c), true
		}
	}
	return Unknown, false
}

// Classes lists all classes in stored order.
func Classes() []Class {
	all := make([]Class, classes)
	for i := range all {
		all[i] = Class(i)
	}
	return all
}

// Treatment is what stands in a tokenised answer in place of a leaf. The list is
// closed and its numbers are stored: append only.
type Treatment uint8

// The treatments. Clear never appears on a Leaf: what is clear is no leaf.
const (
	Clear     Treatment = iota
	Token               // a token that opens this leaf alone
	Pseudonym           // a keyed pseudonym: the same value, the same text within a store
	Coarse              // the first digits, from Alt
	Null                // JSON null, for personal numbers and booleans
	KeyToken            // a token in place of an object key
	treatments
)

var treatmentNames = [treatments]string{"clear", "token", "pseudonym", "coarse", "null", "key token"}

// String returns the treatment's name.
func (t Treatment) String() string {
	if t < treatments {
		return treatmentNames[t]
	}
	return "?"
}

// IndexKind is a kind of identifier that records can be found by. Its numbers
// are stored: append only.
type IndexKind uint8

// The kinds of identifiers found in bodies. External ids are apart:
// Object.ExternalID.
const (
	NoIndex IndexKind = iota
	EmailIndex
	PhoneIndex
	NameIndex // a full name: first and last name of one object joined by a space
	PostalIndex
	NationalIndex
	indexKinds
)

var indexNames = [indexKinds]string{"", "email", "phone", "name", "postal", "national"}

// String returns the kind's name.
func (k IndexKind) String() string {
	if k < indexKinds {
		return indexNames[k]
	}
	return "?"
}

// Kind is what an object is. Its numbers are stored: append only.
type Kind uint8

// The kinds of objects.
const (
	NoKind Kind = iota
	Order
	Customer
	Fulfillment
	Store
	kinds
)

var kindNames = [kinds]string{"", "order", "customer", "fulfillment", "store"}

// String returns the kind's singular resource name.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "?"
}

// ParseKind returns the kind of a resource name, singular or plural, in
// EcartAPI's spelling or the British one. A webhook delivery is an order.
func ParseKind(resource string) (Kind, bool) {
	switch resource {
	case "order", "orders", "webhook_delivery":
		return Order, true
	case "customer", "customers":
		return Customer, true
	case "fulfillment", "fulfillments", "fulfilment", "fulfilments":
		return Fulfillment, true
	case "store", "stores":
		return Store, true
	}
	return NoKind, false
}
