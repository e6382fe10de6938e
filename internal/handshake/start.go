package handshake

import (
	"bufio"
	"io"
	"net"
	"strings"
)

// starter returns what asks for TLS in a protocol that begins without; nil where
// nothing needs asking.
func starter(protocol string) func(net.Conn) error {
	switch protocol {
	case "postgres":
		return startPostgres
	case "smtp":
		return startSMTP
	}
	return nil
}

// startPostgres sends an SSLRequest.
func startPostgres(c net.Conn) error {
	if _, err := c.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return err
	}
	said := make([]byte, 1)
	if _, err := io.ReadFull(c, said); err != nil {
		return err
	}
	if said[0] != 'S' {
		return errNoTLS
	}
	return nil
}

// startSMTP says EHLO and STARTTLS (RFC 3207).
func startSMTP(c net.Conn) error {
	r := bufio.NewReaderSize(io.LimitReader(c, 16<<10), 4096)
	if err := smtpReply(r, "220"); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "EHLO localhost\r\n"); err != nil {
		return err
	}
	if err := smtpReply(r, "250"); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "STARTTLS\r\n"); err != nil {
		return err
	}
	if err := smtpReply(r, "220"); err != nil {
		return err
	}
	if r.Buffered() > 0 {
		return errNoTLS // words before the handshake are somebody else's
	}
	return nil
}

func smtpReply(r *bufio.Reader, code string) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || line[:3] != code {
			return errNoTLS
		}
		if !strings.HasPrefix(line[3:], "-") {
			return nil
		}
	}
}
