package app

import (
	"strongroom/internal/identity/workload"
)

// WorkloadConfig says which services prove themselves without a key. What a service
// may do is its account; this only says who it is.
type WorkloadConfig struct {
	// Issuers sign tokens of workloads: a CI system, a Kubernetes cluster.
	Issuers []IssuerConfig `yaml:"issuers,omitempty"`
	// Certificates binds keys of client certificates to services.
	Certificates []CertificateConfig `yaml:"certificates,omitempty"`
}

// IssuerConfig is one issuer of signed tokens, as [workload.Issuer].
type IssuerConfig struct {
	URL        string          `yaml:"url"`
	Audience   string          `yaml:"audience"`
	Keys       string          `yaml:"keys,omitempty"`       // default: found by discovery
	Algorithms []string        `yaml:"algorithms,omitempty"` // default: RS256 and ES256
	Bindings   []BindingConfig `yaml:"bindings"`
}

// BindingConfig says which tokens are which service: all claims must be there, word
// by word, sub among them.
type BindingConfig struct {
	Service string            `yaml:"service"`
	Claims  map[string]string `yaml:"claims"`
}

// CertificateConfig binds the SHA-256 of a certificate's public key, in hexadecimal.
type CertificateConfig struct {
	SPKI    string `yaml:"spki"`
	Service string `yaml:"service"`
}

// workloads returns what knows tokens and certificates of services. A configuration
// that could let in somebody else stops the start.
func (a *App) workloads() (*workload.Workloads, error) {
	o := workload.Options{Services: a.identity, Refused: a.refuse}
	for _, c := range a.conf.Workloads.Certificates {
		o.Certificates = append(o.Certificates, workload.Certificate(c))
	}
	for _, c := range a.conf.Workloads.Issuers {
		is := workload.Issuer{URL: c.URL, Audience: c.Audience, Keys: c.Keys, Algorithms: c.Algorithms}
		for _, b := range c.Bindings {
			is.Bindings = append(is.Bindings, workload.Binding(b))
		}
		o.Issuers = append(o.Issuers, is)
	}
	return workload.New(o)
}
