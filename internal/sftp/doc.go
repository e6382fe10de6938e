// Package sftp is the door for recipients that cannot speak HTTP (DPP 2.5.1, 3.1.2,
// 3.1.5): a server of SSH-2 that knows public keys and four acts, to list, to stat, to
// read and to remove. Who may come in, what lies there and what becomes of it is said
// by a [Desk], which asks the policies and records; the door holds no file.
//
// # Invariants
//
//   - Only modern algorithms are offered; a client that knows none of them does not get
//     as far as to say its name. Client keys are Ed25519, ECDSA, or RSA of 3072 bits or
//     more with SHA-2.
//   - The desk is asked about a key only after its holder has proved to have it. A name
//     that nobody has and a wrong key take the same way and get the same answer, and
//     whether a public key is known here cannot be asked.
//   - There is no shell, no command, no terminal, no forwarding, no environment. There
//     is no path of a file system either: a name is looked up among those of one
//     recipient, and nothing else exists.
//   - A file is one content while it is open: its size and what is read at any offset
//     agree, in whatever order a client reads.
//   - Connections, sessions, open files and time are bounded. [Server.Cut] ends the
//     sessions of a recipient at once.
//   - What was refused is told to the desk, without names, keys or paths of the caller.
package sftp
