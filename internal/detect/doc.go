// Package detect follows the audit log and has accounts disabled whose use does not
// fit a person's (DPP 2.2.9, and the attempts of 2.2.8). Detectors of volume and
// usage come later and belong here too.
//
// A [Detector] is asked again and again ([Detector.Look]). It reads the events since
// the last time, and on its first look those of the stretch it judges by, so that a
// restart forgets nothing. What it finds is a [Signal] about one person, handed to
// [Options.Disable].
//
// Invariants:
//
//   - It judges by the log alone: what is not an event is no signal, and what it had
//     done is an event.
//   - A signal that could not be acted on is tried again at each look, and the look
//     fails, until it succeeds or somebody unlocks the account.
//   - What lies before a complete lock of an account, or before another person
//     unlocked it, does not count against it again.
//   - What it keeps goes with the persons who stood out within the stretch.
//
// Time is that of the events. All of it is safe for concurrent use.
package detect
