// Package demo runs the main job on invented shops, from outside like any client:
// it makes an instance, pulls orders from the simulator, shows one sealed and
// opened, lets a shopper be forgotten and an order die, verifies the log and
// searches every byte it left for the people it took in.
//
// # What holds
//
//   - Every number of a [Result] is counted from answers of the instance and
//     compared with what the simulator knows to be true. A step whose answer
//     differs ends the tour with an error.
//   - Each check is shown to be able to fail: a planted value is found before the
//     search counts, a log with a line cut out is refused before the log counts.
//   - Everything that is written lies under the one folder of [Options].
//   - All people are invented; the only places they are shown in clear are the
//     lines that show what a reveal answers.
package demo
