package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// A first connect that cannot work fails within seconds, in one line that says
// what, where and what next, and never the password.
func TestConnectFails(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	n := natsenv.Start(t, func(o *server.Options) { o.Username, o.Password = "u", "right" })
	for _, tc := range []struct {
		name string
		cfg  consumer.Config
		says []string
	}{
		{"refused", consumer.Config{Servers: []string{"nats://u:secret@127.0.0.1:1"}}, []string{"127.0.0.1:1", "--server"}},
		{"list", consumer.Config{Servers: []string{"nats://u:secret@127.0.0.1:1, nats://127.0.0.1:2"}}, []string{"127.0.0.1:1", "127.0.0.1:2"}},
		{"silent", consumer.Config{Servers: []string{"nats://" + silent.Addr().String()}}, []string{silent.Addr().String(), "--server"}},
		{"password", consumer.Config{Servers: []string{strings.Replace(n.URL(), "//", "//u:secret@", 1)}}, []string{"uthorization", "--creds"}},
		{"creds", consumer.Config{Servers: []string{n.URL()}, Creds: "/no/such.creds"}, []string{"/no/such.creds"}},
		{"context", consumer.Config{Context: "no-such-context"}, []string{"no-such-context"}},
		{"both", consumer.Config{Domain: "d", APIPrefix: "p"}, []string{"domain"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now()
			c, err := consumer.Connect(t.Context(), tc.cfg)
			if err == nil {
				c.Close()
				t.Fatal("connected")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			text := err.Error()
			if strings.Contains(text, "secret") || strings.Contains(text, "\n") {
				t.Errorf("text is %q", text)
			}
			for _, want := range tc.says {
				if !strings.Contains(text, want) {
					t.Errorf("text %q does not say %q", text, want)
				}
			}
		})
	}
}

// A cancelled connect returns at once.
func TestConnectCancelled(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = consumer.Connect(ctx, consumer.Config{
		Servers: []string{"nats://" + silent.Addr().String()}, Timeout: 500 * time.Millisecond,
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// A NATS context names the server and its settings; flags go before it.
func TestConnectByContext(t *testing.T) {
	n := natsenv.Start(t, func(o *server.Options) { o.JetStreamDomain = "hub" })
	dir := t.TempDir()
	path := filepath.Join(dir, "c.json")
	write := func(url string) {
		t.Helper()
		text := fmt.Sprintf(`{"url": %q, "jetstream_domain": "hub", "inbox_prefix": "_MINE"}`, url)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(n.URL())
	c := connect(t, consumer.Config{Context: path, Instance: "i7"})
	if got := c.NATS().Opts.Name; got != "pst-bridge/i7" {
		t.Errorf("connection name %q", got)
	}
	s := ensureStream(t, c, consumer.StreamConfig{})
	if info, err := s.Info(t.Context()); err != nil || info.Domain != "hub" {
		t.Errorf("info %+v, %v", info, err)
	}
	if inbox := c.NATS().NewInbox(); !strings.HasPrefix(inbox, "_MINE.") {
		t.Errorf("inbox %q", inbox)
	}
	write("nats://127.0.0.1:1")
	c = connect(t, consumer.Config{Context: path, Servers: []string{n.URL()}})
	if !c.Connected() || c.Server() == "" {
		t.Error("the server given did not win over the context")
	}
}

// A server without JetStream is told apart from a missing stream.
func TestNoJetStream(t *testing.T) {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	go srv.Start()
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("not ready")
	}
	c := connect(t, consumer.Config{Servers: []string{srv.ClientURL()}})
	_, err = c.EnsureStream(t.Context(), consumer.StreamConfig{Provision: true})
	if err == nil || errors.Is(err, consumer.ErrNoStream) || !strings.Contains(err.Error(), "enable JetStream") {
		t.Errorf("got %v", err)
	}
}
