package handshake

import "crypto/tls"

// The versions asked for, as they stand on the wire.
const (
	ssl30 = 0x0300
	tls10 = tls.VersionTLS10
	tls11 = tls.VersionTLS11
	tls12 = tls.VersionTLS12
	tls13 = tls.VersionTLS13
)

// version is a version of the protocol and whether it is still to be taken.
type version struct {
	id   uint16
	name string
	good bool
}

func versions() []version {
	return []version{
		{ssl30, "SSL 3.0", false}, {tls10, "TLS 1.0", false}, {tls11, "TLS 1.1", false},
		{tls12, "TLS 1.2", true}, {tls13, "TLS 1.3", true},
	}
}

// family are suites of versions up to 1.2 with one property in common, by which a
// server that takes one of them is judged.
type family struct {
	name string
	good bool
	ids  []uint16
}

// families lists the suites of the registry of IANA that servers were seen to take.
// Suites of 1.3 are all good.
func families() []family {
	return []family{
		{"no encryption", false, []uint16{0x0001, 0x0002, 0x003b, 0xc001, 0xc006, 0xc00b, 0xc010, 0xc015}},
		{"no authentication", false, []uint16{
			0x0018, 0x001a, 0x001b, 0x0034, 0x003a, 0x006c, 0x006d, 0x00a6, 0x00a7, 0xc016, 0xc017, 0xc018, 0xc019}},
		{"export", false, []uint16{
			0x0003, 0x0006, 0x0008, 0x000b, 0x000e, 0x0011, 0x0014, 0x0017, 0x0019, 0x0026, 0x0027, 0x0028, 0x0029, 0x002a, 0x002b}},
		{"RC4", false, []uint16{0x0004, 0x0005, 0xc002, 0xc007, 0xc00c, 0xc011}},
		{"DES and 3DES", false, []uint16{
			0x0009, 0x000a, 0x000c, 0x000d, 0x000f, 0x0010, 0x0012, 0x0013, 0x0015, 0x0016, 0xc003, 0xc008, 0xc00d, 0xc012}},
		{"CBC", false, []uint16{
			0x002f, 0x0035, 0x003c, 0x003d, 0x0033, 0x0039, 0x0067, 0x006b, 0x0032, 0x0038, 0x0040, 0x006a,
			0x0041, 0x0045, 0x0084, 0x0088, 0x0096, 0x009a,
			0xc004, 0xc005, 0xc009, 0xc00a, 0xc00e, 0xc00f, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028}},
		{"no forward secrecy", false, []uint16{0x009c, 0x009d, 0xc02d, 0xc02e, 0xc031, 0xc032, 0xc09c, 0xc09d, 0xc0a0, 0xc0a1}},
		{"DHE with AEAD", true, []uint16{0x009e, 0x009f, 0xccaa, 0xc09e, 0xc09f}},
		{"ECDHE with AEAD", true, []uint16{0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0xc0ac, 0xc0ad}},
	}
}

// suites13 are those of TLS 1.3.
func suites13() []uint16 { return []uint16{0x1301, 0x1302, 0x1303, 0x1304, 0x1305} }

// allSuites are those of all families.
func allSuites() (ids []uint16) {
	for _, f := range families() {
		ids = append(ids, f.ids...)
	}
	return ids
}
