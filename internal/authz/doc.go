// Package authz is the policy decision point: it answers whether an actor may do
// an action to a resource, by Cedar policies over an immutable snapshot.
//
// Three files are shipped inside the binary. schema.cedarschema names the
// principals (Person, Service, System), the closed list of roles, the resources,
// the actions and what a policy may read about a request. guards.cedar holds
// what no other policy can lift: an actor stays inside its stores, nothing is
// opened without a purpose and a reference, the product itself never opens
// anything, a production instance knows neither the role of tests nor a clock
// that can be moved; and a person is trained, has acknowledged what there is to
// acknowledge, shows two factors again before what is dangerous, opens records on
// a managed device, and decides nothing about the own case. roles.cedar gives each
// role the least it needs. An operator may add files of his own, and a file of his
// named roles.cedar takes the place of the shipped one; guards.cedar cannot be
// replaced.
//
// A decision looks at few policies. They are filed by action, by kind of
// principal, by the role or account and by the resource or store that their scope
// names, and of the context only what one of them reads is built. Neither changes
// an answer: the tests hold the engine against the library over all policies, and
// against an evaluator of their own.
//
// [Compare] tells a change that may allow more, or stop what protects others, from
// one that a person may make alone. [Engine.Explain] says why, and what nearly
// permitted it.
//
// Invariants:
//
//   - Nothing is allowed unless a policy permits it; one forbid wins over any
//     number of permits.
//   - A policy that cannot be evaluated denies, whatever the others say. So does
//     a request that does not fit: an unknown action, an unknown kind of actor
//     or resource, an attribute the schema does not know.
//   - What is not known of a person counts as not shown: a second factor without
//     an age, a device without a posture, an elevation without a time.
//   - The environment is a property of the [Engine], never of a request.
//   - An Engine never changes. A new policy folder is a new Engine, and who holds
//     the old one finishes with it. All methods are safe for concurrent use.
//   - Policies are names and conditions. A decision carries names of policies and
//     never a value of the request.
package authz
