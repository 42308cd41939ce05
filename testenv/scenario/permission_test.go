package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// password is that of all users here.
const password = "as it was given out"

// guarded is a rig whose server has the users that nats-permissions printed, and no
// other. Its own connection is the operator's.
type guarded struct {
	*rig
	domain string
}

func newGuarded(t *testing.T, domain string, args ...string) *guarded {
	t.Helper()
	if domain != "" {
		args = append(args, "--js-domain", domain)
	}
	printed := runner.Start(t, runner.Config{Path: runner.Build(t, runner.Bridge, "failpoint"), Args: append([]string{"nats-permissions"}, args...)})
	if exit := printed.Wait(patience); exit.Code != 0 {
		t.Fatalf("nats-permissions: %+v\n%s", exit, printed.Stderr())
	}
	file := filepath.Join(t.TempDir(), "users.conf")
	if err := os.WriteFile(file, []byte(printed.Stdout().String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"bridge", "operator", "publisher", "publisher1", "publisher2"} {
		t.Setenv(strings.ToUpper(user)+"_PASSWORD", `"`+password+`"`)
	}
	conf, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatalf("%v in\n%s", err, printed.Stdout())
	}
	node := natsenv.Start(t, func(o *server.Options) {
		o.Users, o.Accounts, o.JetStreamDomain = conf.Users, conf.Accounts, domain
	})
	g := &guarded{domain: domain, rig: &rig{t: t, node: node, urls: node.URL(), storage: filepath.Join(t.TempDir(), "data"), alive: map[*runner.Process]bool{}}}
	nc := g.dial("operator")
	if domain == "" {
		g.js = natsenv.JetStream(t, nc)
	} else if g.js, err = jetstream.NewWithDomain(nc, domain); err != nil {
		t.Fatal(err)
	}
	return g
}

// dial connects a plain client as a user.
func (g *guarded) dial(user string) *nats.Conn {
	g.t.Helper()
	return natsenv.Dial(g.t, g.node.URL(), nats.UserInfo(user, password), nats.CustomInboxPrefix("_INBOX_"+user),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // its last error is looked at
}

// as are the flags of a user.
func (g *guarded) as(user string, args ...string) []string {
	args = append(args, "--user", user, "--password", password, "--inbox-prefix", "_INBOX_"+user)
	if g.domain != "" {
		args = append(args, "--js-domain", g.domain)
	}
	return args
}

// program runs the program as a user, and requires that the server denied nothing.
func (g *guarded) program(user string, args ...string) string {
	g.t.Helper()
	out := g.command(0, g.as(user, args...)...)
	if strings.Contains(strings.ToLower(out), "violation") {
		g.t.Errorf("%s as %s: %s", strings.Join(args, " "), user, out)
	}
	return out
}

// refuses requires that the program ends with an error that names the subject.
func (g *guarded) refuses(subject string, args ...string) {
	g.t.Helper()
	out := strings.TrimSpace(g.command(1, args...))
	last := out[strings.LastIndexByte(out, '\n')+1:]
	if !strings.Contains(last, "ermission") || !strings.Contains(last, subject) || strings.Contains(last, "deadline") {
		g.t.Errorf("%s: the last line does not say that %s is denied:\n%s", strings.Join(args, " "), subject, out)
	}
}

// denied requires that the server denies a plain client what act does.
func denied(t *testing.T, nc *nats.Conn, subject string, act func(subject string) error) {
	t.Helper()
	before := nc.LastError()
	if err := act(subject); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	//nolint:errorlint // each denial is an error value of its own
	if err := nc.LastError(); err == before || !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), subject) {
		t.Errorf("%s as %s is not denied: %v", subject, nc.Opts.User, err)
	}
}

// The whole pipeline works with exactly the rights that nats-permissions prints: rows,
// dead letters, duplicates after a kill, and each command of the operator.
func TestPipelineUnderLeastPrivilege(t *testing.T) {
	for _, c := range []struct {
		name, domain string
		permissions  []string
		run          []string
	}{
		{"topics listed", "", []string{"--topics", "t"}, []string{"--provision=false", "--topics", "t"}},
		{"topics discovered", "", nil, []string{"--provision=false"}},
		{"bridge provisions", "", []string{"--topics", "t", "--provision"}, []string{"--topics", "t"}},
		{"discovers and provisions", "", []string{"--provision"}, nil},
		{"account of its own", "", []string{"--topics", "t", "--account", "PST"}, []string{"--provision=false", "--topics", "t"}},
		{"domain", "hub", []string{"--topics", "t"}, []string{"--provision=false", "--topics", "t"}},
		{"stream per topic", "", []string{"--topics", "t"}, []string{"--provision=false", "--topics", "t"}},
		{"stream per topic discovered", "", nil, []string{"--provision=false"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			perTopic := strings.HasPrefix(c.name, "stream per topic")
			t.Setenv("PST_STREAM_PER_TOPIC", strconv.FormatBool(perTopic))
			g := newGuarded(t, c.domain, c.permissions...)
			g.perTopic = perTopic
			provisions := len(c.run) == 0 || c.run[0] != "--provision=false"
			if provisions {
				g.program("bridge", "run", "--once", "--http", "", "--topics", "t", "--retention", "limits")
			} else {
				g.stream(jetstream.LimitsPolicy)
				g.durable("t", ackWait)
				g.program("operator", "run", "--once", "--http", "", "--topics", "t")
			}
			file := filepath.Join(t.TempDir(), "lines")
			if err := os.WriteFile(file, []byte("{\"n\":1}\n{\"n\":\nnone\n{\"n\":2}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			g.program("publisher", "pub", "t", file, "--provision=false")

			run := g.as("bridge", c.run...)
			if !provisions { // the worker's messages come again after the ack wait
				p := g.worker("after-put=kill@1", run...)
				if exit := p.Wait(patience); exit.Signal != syscall.SIGKILL {
					t.Fatalf("%+v\n%s", exit, p.Stderr())
				}
			}
			p := g.once(run...)
			log := tally{FailpointHits: map[string]int{}}
			log.add(p)
			if strings.Contains(strings.ToLower(p.Stderr().String()), "violation") || !provisions && log.Duplicates == 0 {
				t.Errorf("denied, or no duplicates: %+v", log)
			}
			want(t, g.rows("t", "n"), "[1]", "[2]")
			g.program("bridge", append([]string{"check"}, c.run...)...)

			if list := g.program("operator", "dlq", "list", "t"); strings.Count(list, "  t  ") != 2 {
				t.Errorf("dead letters:\n%s", list)
			}
			g.program("operator", "dlq", "show", "1")
			g.program("operator", "dlq", "replay", "--id", "1")
			g.once(run...)
			g.program("operator", "status")
			g.program("operator", "replay", "t", "--from", "1")
			g.program("operator", "rebind", "t", "--consumer")
			if err := os.RemoveAll(filepath.Join(g.storage, "t.lance")); err != nil {
				t.Fatal(err)
			}
			g.program("operator", "doctor", "t", "--remove")
		})
	}
}

// What the users are not for is denied to them by the server.
func TestLeastPrivilegeDenies(t *testing.T) {
	g := newGuarded(t, "", "--topics", "t,u.v")
	g.program("operator", "run", "--once", "--http", "", "--topics", "t,u.v")
	ack := func(consumer string) string { return "$JS.ACK.PERSISTING." + consumer + ".1.1.1.1700000000000000000.0" }

	publisher := g.dial("publisher-t")
	if _, err := natsenv.JetStream(t, publisher).Publish(t.Context(), "persisting.t", []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	bridge := g.dial("bridge")
	for _, body := range []string{"+ACK", "-NAK", "+TERM", "+WPI", "+NXT"} {
		forge := func(nc *nats.Conn) func(string) error {
			return func(subject string) error { return nc.Publish(subject, []byte(body)) }
		}
		denied(t, publisher, ack("pst-bridge-t"), forge(publisher))
		denied(t, publisher, "$JS.ACK._.acc.PERSISTING.pst-bridge-t.1.1.1.1700000000000000000.0.x", forge(publisher))
		denied(t, bridge, ack("other"), forge(bridge))
	}
	for _, call := range []string{
		"$JS.API.INFO", "$JS.API.STREAM.INFO.PERSISTING", "$JS.API.STREAM.PURGE.PERSISTING",
		"$JS.API.CONSUMER.RESET.PERSISTING.pst-bridge-t", "$JS.API.CONSUMER.MSG.NEXT.PERSISTING.pst-bridge-t", "persisting.u.v", "persisting_dlq.t.0.1",
	} {
		denied(t, publisher, call, func(s string) error { return publisher.Publish(s, nil) })
	}
	for _, call := range []string{
		"$JS.API.STREAM.DELETE.PERSISTING", "$JS.API.STREAM.PURGE.PERSISTING", "$JS.API.STREAM.UPDATE.PERSISTING", "$JS.API.STREAM.CREATE.PERSISTING",
		"$JS.API.STREAM.MSG.DELETE.PERSISTING", "$JS.API.STREAM.MSG.GET.PERSISTING", "$JS.API.STREAM.MSG.DELETE.PERSISTING_DLQ",
		"$JS.API.CONSUMER.DELETE.PERSISTING.pst-bridge-t", "$JS.API.CONSUMER.RESET.PERSISTING.pst-bridge-t",
		"$JS.API.CONSUMER.CREATE.PERSISTING.pst-bridge-t.persisting.t", "$JS.API.CONSUMER.CREATE.PERSISTING.x", "$JS.API.CONSUMER.DURABLE.CREATE.PERSISTING.x",
		"$JS.API.CONSUMER.PAUSE.PERSISTING.pst-bridge-t", "persisting.t", "persisting.u.v",
	} {
		denied(t, bridge, call, func(s string) error { return bridge.Publish(s, nil) })
	}
	for _, nc := range []*nats.Conn{publisher, bridge} {
		for _, subject := range []string{"persisting.>", "_INBOX.>", "_INBOX_operator.>", "_INBOX_publisher-u_x2Ev.>", ">", "$JS.API.>", "$JS.ACK.>"} {
			denied(t, nc, subject, func(s string) error { _, err := nc.SubscribeSync(s); return err })
		}
	}
	denied(t, publisher, "_INBOX_bridge.>", func(s string) error { _, err := publisher.SubscribeSync(s); return err })
	operator := g.dial("operator")
	for _, call := range []string{"$JS.API.STREAM.DELETE.PERSISTING", "$JS.API.STREAM.PURGE.PERSISTING", "$JS.API.STREAM.UPDATE.PERSISTING"} {
		denied(t, operator, call, func(s string) error { return operator.Publish(s, nil) })
	}
	// Nothing of it had an effect: the message is written.
	g.once(g.as("bridge", "--provision=false", "--topics", "t")...)
	want(t, g.rows("t", "n"), "[1]")
}

// A right that the program lacks ends it with the name of the subject, at once.
func TestProgramNamesDeniedSubjects(t *testing.T) {
	g := newGuarded(t, "", "--topics", "t")
	// Before anything exists.
	g.refuses("$JS.API.STREAM.CREATE.PERSISTING", g.as("bridge", "run", "--once", "--http", "")...)
	g.refuses("$JS.API.STREAM.INFO.PERSISTING", g.as("publisher", "run", "--once", "--http", "")...)
	g.program("operator", "run", "--once", "--http", "", "--topics", "t", "--retention", "limits")
	g.send("t", `{"n":1}`, `bad`)
	g.once(g.as("bridge", "--provision=false", "--topics", "t")...)

	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.refuses("persisting.other", g.as("publisher", "pub", "other", file, "--provision=false")...)
	g.refuses("$JS.API.STREAM.INFO.PERSISTING", g.as("publisher", "pub", "t", file)...)
	g.refuses("_INBOX.", "pub", "t", file, "--provision=false", "--user", "publisher", "--password", password)
	g.refuses("_INBOX.", "run", "--once", "--http", "", "--provision=false", "--user", "bridge", "--password", password)
	g.refuses("$JS.API.CONSUMER.CREATE.PERSISTING_DLQ.", g.as("bridge", "dlq", "list")...)
	g.refuses("persisting.t", g.as("bridge", "dlq", "replay", "--id", "1")...)
	g.refuses("$JS.API.CONSUMER.CREATE.PERSISTING.", g.as("bridge", "replay", "t", "--from", "1")...)
	g.refuses("$JS.API.CONSUMER.INFO.PERSISTING.other-t", g.as("bridge", "run", "--once", "--http", "", "--topics", "t", "--consumer", "other", "--provision=false")...)
	if err := os.RemoveAll(filepath.Join(g.storage, "t.lance")); err != nil {
		t.Fatal(err)
	}
	g.refuses("$JS.API.CONSUMER.DELETE.PERSISTING.pst-bridge-t", g.as("bridge", "doctor", "t", "--remove")...)
}
