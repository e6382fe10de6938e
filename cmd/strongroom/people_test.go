package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"github.com/rogpeppe/go-internal/testscript"
)

const enrolled = "Grau-7-Nebel-Ufer!"

// command is a process of the script that is talked to.
func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, "strongroom")
		if _, err := os.Stat(path); err == nil {
			c := exec.Command(path, args...)
			c.Dir = ts.MkAbs(".")
			for _, name := range []string{"PATH", "HOME", "TMPDIR", "XDG_STATE_HOME"} {
				c.Env = append(c.Env, name+"="+ts.Getenv(name))
			}
			return c
		}
	}
	ts.Fatalf("there is no strongroom in PATH")
	return nil
}

// code is that of the script's authenticator app, some steps from now. Each is good
// once, so a script goes from the one before to the one after.
func code(ts *testscript.TestScript, steps int) string {
	at := time.Now().Add(time.Duration(steps) * 30 * time.Second)
	text, err := totp.GenerateCodeCustom(ts.Getenv("APP"), at, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	ts.Check(err)
	return text
}

// say runs a command with lines of standard input.
func say(ts *testscript.TestScript, lines []string, args ...string) {
	c := command(ts, args...)
	c.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		ts.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// enrolling opens a link with a password and an app, and writes the answer.
//
//	enrol LINK DIR OUT
func enrolling(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: enrol LINK DIR OUT")
	}
	c := command(ts, "enrol", args[0], "--data", args[1], "--json")
	in, err := c.StdinPipe()
	ts.Check(err)
	said, err := c.StderrPipe()
	ts.Check(err)
	var out bytes.Buffer
	c.Stdout = &out
	ts.Check(c.Start())
	_, err = io.WriteString(in, enrolled+"\n")
	ts.Check(err)
	uri := regexp.MustCompile(`otpauth://\S+secret=([A-Z2-7]+)`)
	var all strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if m := uri.FindStringSubmatch(lines.Text()); m != nil {
			ts.Setenv("APP", m[1])
			_, err = io.WriteString(in, code(ts, -1)+"\n")
			ts.Check(err)
		}
	}
	if err := c.Wait(); err != nil {
		ts.Fatalf("enrol: %v\n%s", err, all.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), out.Bytes(), 0o600))
}

// signingIn signs in with password and app.
//
//	signin DIR ADDRESS
func signingIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signin DIR ADDRESS")
	}
	say(ts, []string{args[1], enrolled, code(ts, 0)}, "signin", "--data", args[0])
}

// steppingUp shows a code of the app again.
//
//	stepup DIR
func steppingUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stepup DIR")
	}
	say(ts, []string{code(ts, 1)}, "session", "step-up", "--data", args[0])
}

// enrollingDevice brings the key of this device with the code in a file.
//
//	device FILE DIR
func enrollingDevice(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: device FILE DIR")
	}
	var d struct{ Code string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &d))
	say(ts, []string{d.Code}, "device", "enrol", "--data", args[1])
}

// kept checks that the session lies in a private file below a state folder, and
// nothing of it in a data folder.
//
//	kept STATE DIR
func kept(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: kept STATE DIR")
	}
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "strongroom", "*.session"))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%d sessions are kept", len(files))
	}
	info, err := os.Stat(files[0])
	ts.Check(err)
	text, err := os.ReadFile(files[0])
	ts.Check(err)
	if info.Mode().Perm() != 0o600 || !bytes.Contains(text, []byte("srs_live_")) {
		ts.Fatalf("the session is kept with mode %o", info.Mode().Perm())
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte("srs_live_")) {
			ts.Fatalf("%s holds a session", path)
		}
		return nil
	}))
}
