package sftp_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestOpenSSH reads a file with the client most recipients have, where it is installed.
func TestOpenSSH(t *testing.T) {
	program, err := exec.LookPath("sftp")
	if err != nil && os.Getenv("STRONGROOM_PROGRAMS") == "required" {
		t.Fatal("there is no OpenSSH client on this machine: run make need")
	}
	if err != nil {
		t.Skip("no OpenSSH client is installed")
	}
	h := open(t, nil)
	public, own, _ := ed25519.GenerateKey(rand.Reader)
	block, err := ssh.MarshalPrivateKey(own, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.desk.key = key
	h.mu.Unlock()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "key"), filepath.Join(dir, "out.csv")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(h.addr)
	cmd := exec.Command(program, "-q", "-F", "none", "-b", "-", "-i", file, "-P", port, "-o", "IdentitiesOnly=yes",
		"-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "carrier@127.0.0.1")
	cmd.Stdin = strings.NewReader("ls -l\nget a.csv " + out + "\nrm a.csv\n")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.whole) != 1 || !h.whole[0] || len(h.gone) != 1 {
		t.Errorf("read whole: %v, removed: %v", h.whole, h.gone)
	}
}
