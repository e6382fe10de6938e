package sftp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// visit is one connection.
type visit struct {
	server    *Server
	conn      net.Conn
	source    netip.Addr
	recipient string // once seated; guarded by the server's mutex
	refusals  atomic.Int32
}

// refuse tells the desk, and ends a connection that asks on and on for what is not here.
func (v *visit) refuse(why Refusal) {
	v.server.o.Desk.Refused(v.source, why)
	if v.refusals.Add(1) >= maxRefusals {
		v.conn.Close()
	}
}

// serve sees a connection through. It ends by itself, by a bound of time, by [Server.Cut]
// or with the context.
func (v *visit) serve(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, v.server.o.Longest)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { v.conn.Close() })
	defer stop()

	late := time.AfterFunc(v.server.o.Handshake, func() { v.conn.Close() })
	line := &idle{Conn: v.conn, patience: v.server.o.Idle}
	line.timer = time.AfterFunc(v.server.o.Idle, func() { v.conn.Close() })
	defer line.timer.Stop()
	conn, channels, requests, err := ssh.NewServerConn(line, v.login(ctx))
	late.Stop()
	if err != nil {
		v.refuse(RefusedHandshake)
		return
	}
	defer conn.Close()
	room, ok := conn.Permissions.ExtraData[roomKey{}].(Room)
	if !ok || !v.server.seat(v, room.Recipient()) {
		v.refuse(RefusedLimit)
		return
	}
	go v.global(requests)
	v.channels(ctx, channels, room)
}

// global answers requests about the connection: none is granted.
func (v *visit) global(requests <-chan *ssh.Request) {
	for r := range requests {
		if r.Type != "keepalive@openssh.com" && r.Type != "no-more-sessions@openssh.com" {
			v.refuse(RefusedRequest)
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

// channels opens the one session there is, and ends the connection with it.
func (v *visit) channels(ctx context.Context, channels <-chan ssh.NewChannel, room Room) {
	taken := false
	for c := range channels {
		if c.ChannelType() != "session" || taken {
			v.refuse(RefusedChannel)
			_ = c.Reject(ssh.Prohibited, "only one session of sftp is here")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		taken = true
		go func() {
			defer v.conn.Close()
			v.session(ctx, channel, requests, room)
		}()
	}
}

// session waits for the subsystem and serves it. Whatever else is asked is refused.
func (v *visit) session(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request, room Room) {
	defer channel.Close()
	for r := range requests {
		var name struct{ Name string }
		if r.Type != "subsystem" || ssh.Unmarshal(r.Payload, &name) != nil || name.Name != "sftp" {
			v.refuse(RefusedRequest)
			if r.WantReply {
				_ = r.Reply(false, nil)
			}
			continue
		}
		if r.WantReply && r.Reply(true, nil) != nil {
			return
		}
		go v.global(requests)
		f := &folder{ctx: ctx, room: room, visit: v}
		server := sftp.NewRequestServer(channel, sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f})
		err := server.Serve()
		server.Close()
		f.closeAll()
		if err == nil || errors.Is(err, io.EOF) {
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{}))
		}
		return
	}
}

// idle closes a connection whose client says nothing for too long.
type idle struct {
	net.Conn
	patience time.Duration
	timer    *time.Timer
}

func (c *idle) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.timer.Reset(c.patience)
	}
	return n, err
}
