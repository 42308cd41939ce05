package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// canary is part of every secret here, and of nothing else. It begins like an nkey seed,
// so that a parser takes it up.
const canary = "SUACANARY7Q2XWD6B5"

// clean requires that the program shows no secret, whatever became of it.
func clean(t *testing.T, what string, outputs ...string) {
	t.Helper()
	for _, out := range outputs {
		if at := strings.Index(out, canary); at >= 0 {
			t.Errorf("%s: a secret is in ...%s", what, out[max(at-200, 0):min(at+100, len(out))])
		}
	}
}

// Secrets are in no output of the program, also not where they are wrong or unusable.
func TestSecretsAreNotShown(t *testing.T) {
	node := natsenv.Start(t, func(o *server.Options) { o.Username, o.Password = "u", canary+"-right" })
	byToken := natsenv.Start(t, func(o *server.Options) { o.Authorization = canary + "-token" })
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inURL := func(n *natsenv.Node, user string) string { return strings.Replace(n.URL(), "//", "//"+user+"@", 1) }
	creds := file("c.creds", fmt.Sprintf("-----BEGIN NATS USER JWT-----\n%s.jwt.x\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", canary, canary))
	lines := file("lines", "{\"n\":1}\n")
	for _, c := range []struct {
		name string
		env  []string
		args []string
	}{
		{"wrong password", []string{"NATS_URL=" + node.URL(), "NATS_USER=u", "NATS_PASSWORD=" + canary}, nil},
		{"wrong password in the URL", []string{"NATS_URL=" + inURL(node, "u:"+canary)}, nil},
		{"wrong token", []string{"NATS_URL=" + byToken.URL(), "NATS_TOKEN=" + canary}, nil},
		{"wrong token in the URL", []string{"NATS_URL=" + inURL(byToken, canary)}, nil},
		{"token in an URL without scheme", []string{"NATS_URL=" + strings.TrimPrefix(inURL(byToken, canary), "nats://")}, nil},
		{"unreachable", []string{"NATS_URL=nats://u:" + canary + "@127.0.0.1:1,nats://" + canary + "@127.0.0.1:2"}, nil},
		{"password in clear", []string{"NATS_URL=nats://u:" + canary + "@192.0.2.1:1", "NATS_TIMEOUT=100ms"}, nil},
		{"bad URL", []string{"NATS_URL=nats://u:" + canary + "%zz@127.0.0.1:1"}, nil},
		{"bad port", []string{"NATS_URL=nats://u:" + canary + "@127.0.0.1:port"}, nil},
		{"unescaped slash", []string{"NATS_URL=nats://u:" + canary + "/x@127.0.0.1:1"}, nil},
		{"unescaped question mark", []string{"NATS_URL=nats://" + canary + "?x@127.0.0.1:1"}, nil},
		{"bad list", []string{"NATS_URL=nats://u:" + canary + "@[::1,nats://" + canary + "@x y"}, nil},
		{"bad nkey", []string{"NATS_URL=" + node.URL()}, []string{"--nkey", file("nkey", canary)}},
		{"bad creds", []string{"NATS_URL=" + node.URL()}, []string{"--creds", creds}},
		{"secret as creds", []string{"NATS_URL=" + node.URL()}, []string{"--creds", file("none.creds", canary)}},
		{"bad key", []string{"NATS_URL=" + node.URL()}, []string{"--tlscert", file("cert", canary), "--tlskey", file("key", canary)}},
		{"bad authority", []string{"NATS_URL=" + node.URL()}, []string{"--tlsca", file("ca", canary)}},
		{"context", nil, []string{"--context", file("c.json", fmt.Sprintf(`{"url": %q, "user": "u", "password": %q}`, node.URL(), canary))}},
		{"bad URL in a context", nil, []string{"--context", file("u.json", fmt.Sprintf(`{"url": "nats://u:%s@127.0.0.1:port"}`, canary))}},
		{"broken context", nil, []string{"--context", file("b.json", fmt.Sprintf(`{"user": "u", "password": %q`, canary))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, command := range [][]string{
				{"run", "--once", "--http", "", "--storage", filepath.Join(dir, "data"), "--log-level", "debug"},
				{"pub", "t", lines, "--log-level", "debug"},
				{"check", "--storage", filepath.Join(dir, "data")},
				{"dlq", "list"},
			} {
				p := runner.Start(t, runner.Config{Path: runner.Build(t, runner.Bridge, "failpoint"), Args: append(command, c.args...), Env: c.env})
				if exit := p.Wait(patience); exit.Code == 0 {
					t.Errorf("%v succeeded", command)
				}
				clean(t, command[0], p.Stdout().String(), p.Stderr().String())
			}
		})
	}
}
