package web

import (
	"net"
	"syscall"
)

// peerUID returns the user id of the process at the other end of a Unix socket,
// as the kernel saw it when the connection was made.
func peerUID(c *net.UnixConn) (uint32, bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *syscall.Ucred
	var inner error
	err = raw.Control(func(fd uintptr) {
		cred, inner = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil || inner != nil || cred == nil {
		return 0, false
	}
	return cred.Uid, true
}
