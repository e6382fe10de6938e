// Package keystest holds what every keys.KMS must do, as tests, and a server
// that speaks the protocol of the transit engine of OpenBao and Vault.
package keystest
