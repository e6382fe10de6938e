package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// packaged is what the unit and the container file say of the binary.
type packaged struct {
	unit      map[string][]string // the settings of the systemd unit
	container []string            // instructions of the last stage, continuations joined
	build     []string            // those of the stage before
	sysusers  string
	tmpfiles  string
}

func readPackaged(t *testing.T) packaged {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "packaging", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), "\\\n", " ")
	}
	p := packaged{unit: map[string][]string{}, sysusers: read("strongroom.sysusers"), tmpfiles: read("strongroom.tmpfiles")}
	for s := bufio.NewScanner(strings.NewReader(read("strongroom.service"))); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), "="); ok && !strings.HasPrefix(k, "#") {
			p.unit[k] = append(p.unit[k], v)
		}
	}
	for s := bufio.NewScanner(strings.NewReader(read("Containerfile"))); s.Scan(); {
		switch line := strings.TrimSpace(s.Text()); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "FROM "):
			p.build, p.container = p.container, []string{line}
		default:
			p.container = append(p.container, line)
		}
	}
	return p
}

// parse reads a command line of the binary without running it.
func parse(args []string) (serveCmd, error) {
	var c cli
	parser, err := kong.New(&c, kong.Exit(func(int) {}))
	if err != nil {
		return c.Serve, err
	}
	k, err := parser.Parse(args)
	if err == nil && k.Command() != "serve" {
		err = fmt.Errorf("the command is %s", k.Command())
	}
	return c.Serve, err
}

// one returns the only value of a setting.
func (p packaged) one(key string) string {
	if v := p.unit[key]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// wrongUnit lists what in the unit does not fit the binary or the files beside it.
func (p packaged) wrongUnit() (wrong []string) {
	say := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	start := strings.Fields(p.one("ExecStart"))
	if len(start) == 0 {
		return []string{"no ExecStart"}
	}
	serve, err := parse(start[1:])
	say(err == nil, fmt.Sprintf("ExecStart: %v", err))
	say(start[0] == "/usr/bin/strongroom", "ExecStart runs another program")
	state := "/var/lib/" + p.one("StateDirectory")
	say(path.Dir(serve.Data) == state, "the data folder is not in the state directory")
	say(strings.Contains(p.tmpfiles, "d "+state+" 0700 "+p.one("User")+" "+p.one("Group")), "tmpfiles makes another state directory")
	say(strings.Contains(p.sysusers, "u "+p.one("User")+" - "), "sysusers makes another user")
	name, file, _ := strings.Cut(p.one("LoadCredential"), ":")
	say(name == "root" && strings.Contains(p.tmpfiles, "z "+file+" 0600 root"), "the credential is another file than tmpfiles keeps")
	stop, err := time.ParseDuration(p.one("TimeoutStopSec"))
	say(err == nil && stop >= 30*time.Second, "a stop has less time than requests get")
	say(p.one("UMask") == "0077", "files are made readable for others")
	say(p.one("Restart") == "on-failure" && p.one("StartLimitIntervalSec") == "0", "it gives up while its database is away")
	return wrong
}

// find returns what follows an instruction in a stage.
func find(stage []string, name string) string {
	i := slices.IndexFunc(stage, func(s string) bool { return strings.HasPrefix(s, name+" ") })
	if i < 0 {
		return ""
	}
	return strings.TrimPrefix(stage[i], name+" ")
}

// wrongContainer lists what in the container file does not fit the binary.
func (p packaged) wrongContainer() (wrong []string) {
	say := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	var entry, cmd []string
	err1 := json.Unmarshal([]byte(find(p.container, "ENTRYPOINT")), &entry)
	err2 := json.Unmarshal([]byte(find(p.container, "CMD")), &cmd)
	if err1 != nil || err2 != nil || len(entry) != 1 {
		return []string{"no ENTRYPOINT of one program and CMD"}
	}
	made := strings.Join(p.build, "\n")
	data := strings.TrimPrefix(find(p.container, "ENV"), "STRONGROOM_DATA=")
	serve, err := parse(append(slices.Clone(cmd), "--data", data))
	say(err == nil, fmt.Sprintf("CMD: %v", err))
	say(strings.HasSuffix(serve.Listen, ":"+find(p.container, "EXPOSE")) && !strings.HasPrefix(serve.Listen, "127."), "it does not listen where it is reached")
	say(strings.Contains(made, "-m 0700 /out/state/"+path.Base(path.Dir(data))), "the volume is open to other users")
	say(path.Dir(data) == find(p.container, "VOLUME"), "the data folder is not in the volume")
	say(find(p.container, "FROM") == "scratch", "the last stage is not empty")
	copied := false
	for _, line := range p.container {
		if f := strings.Fields(line); f[0] == "COPY" {
			from, to := f[len(f)-2], f[len(f)-1]
			copied = copied || to == entry[0]
			say(strings.HasPrefix(from, "/etc/ssl/") || strings.Contains(made, from), "nobody makes "+from)
			say(to != path.Dir(path.Dir(data)) || slices.Contains(f, "--chown="+find(p.container, "USER")), "the volume belongs to another user")
		}
	}
	say(copied, "the program is not copied")
	say(strings.Contains(made, "./cmd/strongroom") && strings.Contains(made, "-trimpath") && strings.Contains(made, "CGO_ENABLED=0"), "the program is built otherwise")
	user, _, _ := strings.Cut(find(p.container, "USER"), ":")
	say(len(user) > 1 && strings.Trim(user, "0123456789") == "", "it runs as root or by a name that is not there")
	return wrong
}

// TestPackaging holds the unit and the container file to the binary's own flags
// and to each other, and plants mistakes in both.
func TestPackaging(t *testing.T) {
	t.Setenv("STRONGROOM_DATA", "")
	p := readPackaged(t)
	for _, wrong := range append(p.wrongUnit(), p.wrongContainer()...) {
		t.Error(wrong)
	}
	for key, bad := range map[string]string{
		"ExecStart": "/usr/bin/strongroom serve --data /var/lib/strongroom/data --colour", "StateDirectory": "other", "User": "nobody",
		"LoadCredential": "root:/etc/other", "TimeoutStopSec": "5s", "UMask": "0022", "StartLimitIntervalSec": "10s",
	} {
		q := readPackaged(t)
		q.unit[key] = []string{bad}
		if len(q.wrongUnit()) == 0 {
			t.Errorf("a wrong %s is not found", key)
		}
	}
	for name, bad := range map[string]string{
		"CMD": `["serve", "--nonsense"]`, "EXPOSE": "80", "ENV": "STRONGROOM_DATA=/data", "USER": "0", "FROM": "debian", "ENTRYPOINT": `["/bin/other"]`, "VOLUME": "/elsewhere",
	} {
		q := readPackaged(t)
		for n, line := range q.container {
			if strings.HasPrefix(line, name+" ") {
				q.container[n] = name + " " + bad
			}
		}
		if len(q.wrongContainer()) == 0 {
			t.Errorf("a wrong %s is not found", name)
		}
	}
}
