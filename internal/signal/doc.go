// Package signal reads and verifies the messages by which platforms and EcartAPI
// ask for erasure: EcartAPI's deletion notice (as JSON, as a form, as an e-mail
// that somebody pastes), the mandatory webhooks of Shopify, Tiendanube (Nuvemshop)
// and SHOPLINE, and eBay's account deletion with its challenge (DPP 2.7, 3.2.7).
//
// It has no state, asks nobody and keeps nothing: bytes and headers in, a [Signal]
// out, or a fault that never repeats what was sent.
//
// # Invariants
//
//   - What was signed is what was sent: a signature is computed over the bytes of the
//     body as they came, and compared in constant time.
//   - A message without a signature is not taken for a signed one ([Kind.Signed]).
//   - A signal names its platform, its topic and whom it is about, or it is refused. A
//     topic that a header and a path name differently is refused.
//   - What a text does not say clearly is not guessed: [Signal.Unclear] has a person
//     look before anything is erased.
//
// Layouts: Shopify "Privacy law compliance", SHOPLINE "Delete customer data (GDPR
// specification)", Tiendanube "Required webhooks", eBay "Marketplace account
// deletion". EcartAPI publishes no layout of its notice; the one read here is an
// assumption and is read tolerantly.
package signal
