package vault

import (
	"slices"
	"time"

	"strongroom"
)

// Origin says where a record came from (DPP 2.8). It is bound into the record's
// seals, so a row with another origin does not open.
type Origin struct {
	Provider string // "ecartapi", or "application" for what our caller posted itself
	Store    string
	Platform string
	Version  string // of the API: v1, v2, v3
	Endpoint string // as the caller named it; "" if it did not
	Fetched  time.Time
	How      string // sync, webhook, proxy, import, api, portal
}

// The enumerations of the origin are numbers on disk: append only. Zero is
// nothing, so a row cannot be written without an origin.
type (
	provider   uint8
	apiVersion uint8
	how        uint8
	platform   uint16 // 0: a platform outside the list, its name sealed in the body
)

const (
	providerEcart       provider = 1
	providerApplication provider = 2
)

func (p provider) String() string {
	if p == providerEcart {
		return "ecartapi"
	}
	return "application"
}

func hows() []string { return []string{"", "sync", "webhook", "proxy", "import", "api", "portal"} }

// parseHow returns the way a body came in and who therefore vouches for it.
func parseHow(s string) (how, provider, error) {
	i := slices.Index(hows(), s)
	if i <= 0 {
		return 0, 0, strongroom.Faultf(strongroom.Invalid, "origin", "a record needs an origin: how it came in must be one of %v", hows()[1:])
	}
	if h := how(i); h <= 3 {
		return h, providerEcart, nil
	}
	return how(i), providerApplication, nil
}

func (h how) String() string {
	if int(h) < len(hows()) {
		return hows()[h]
	}
	return ""
}

func parseAPI(s string) (apiVersion, error) {
	switch s {
	case "v1":
		return 1, nil
	case "v2":
		return 2, nil
	case "v3":
		return 3, nil
	}
	return 0, strongroom.Faultf(strongroom.Invalid, "version", "a record needs an origin: the API version must be v1, v2 or v3")
}

func (a apiVersion) String() string { return "v" + string('0'+rune(a)) }

// platforms lists the platforms that have a number.
func platforms() []string {
	return []string{
		"", "shopify", "woocommerce", "tiendanube", "prestashop", "magento1", "magento2", "ecwid", "bigcommerce",
		"jumpseller", "linio", "liverpool", "bling", "shiphero", "tray", "mercadolibre", "kometia", "ebay", "wix",
		"tradegecko", "zoho", "3dcart", "vend", "salesforce", "squarespace", "amazon", "etsy", "vtex", "walmart",
		"tiktok", "coppel", "shift4shop", "shopee",
	}
}

// parsePlatform returns the number of a platform, 0 for one outside the list,
// whose name must obey the grammar of names.
func (v *Vault) parsePlatform(s string) (platform, error) {
	if p, ok := v.platforms[s]; ok {
		return p, nil
	}
	return 0, checkLabel("platform", s)
}

func (p platform) String() string {
	if list := platforms(); int(p) < len(list) {
		return list[p]
	}
	return ""
}
