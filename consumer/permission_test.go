package consumer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// denied is a connection of a user who may not publish to the subjects given,
// beside one of a user who may do anything and has made a stream and a consumer
// with ten messages.
func denied(t *testing.T, subjects ...string) *consumer.Conn {
	t.Helper()
	n := natsenv.Start(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "admin", Password: "p"},
			{Username: "bridge", Password: "p", Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: []string{">"}, Deny: subjects},
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
			}},
		}
	})
	admin := connect(t, consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{nats.UserInfo("admin", "p")}})
	create(t, ensureStream(t, admin, consumer.StreamConfig{}), consumer.DurableConfig{})
	_, err := natsenv.Publish(t.Context(), admin.JetStream(), "persisting.demo", "", 10, func(int) []byte { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{nats.UserInfo("bridge", "p")}})
}

func wantDenied(t *testing.T, err error, subject string, since time.Time) {
	t.Helper()
	if !errors.Is(err, consumer.ErrPermission) || !strings.Contains(err.Error(), subject) {
		t.Errorf("got %v, want a denial of %s", err, subject)
	}
	if took := time.Since(since); took > 2*time.Second {
		t.Errorf("told after %v", took)
	}
}

// A denied subject ends the call that needs it, at once and by name.
func TestPermissionOfAPI(t *testing.T) {
	c := denied(t, "$JS.API.STREAM.INFO.>")
	start := time.Now()
	_, err := c.EnsureStream(t.Context(), consumer.StreamConfig{})
	wantDenied(t, err, "$JS.API.STREAM.INFO.PERSISTING", start)

	c = denied(t, "$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.INFO.PERSISTING.secret")
	s, err := c.EnsureStream(t.Context(), consumer.StreamConfig{})
	if err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	_, err = s.Create(t.Context(), consumer.DurableConfig{Topic: "other"})
	wantDenied(t, err, "$JS.API.CONSUMER.CREATE.PERSISTING.pst-bridge-other", start)
	start = time.Now()
	_, err = s.Lookup(t.Context(), consumer.DurableConfig{Topic: "demo", Name: "secret"})
	wantDenied(t, err, "$JS.API.CONSUMER.INFO.PERSISTING.secret", start)
	if _, err := s.Lookup(t.Context(), consumer.DurableConfig{Topic: "demo"}); err != nil {
		t.Errorf("an allowed lookup: %v", err)
	}
}

func TestPermissionOfPull(t *testing.T) {
	s, err := denied(t, "$JS.API.CONSUMER.MSG.NEXT.>").EnsureStream(t.Context(), consumer.StreamConfig{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Lookup(t.Context(), consumer.DurableConfig{Topic: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	src := source(t, d, consumer.SourceConfig{Expiry: 20 * time.Second})
	start := time.Now()
	_, err = src.Fetch(t.Context(), 1, 0)
	wantDenied(t, err, "$JS.API.CONSUMER.MSG.NEXT.PERSISTING.pst-bridge-demo", start)
}

// A denied ack is told by Confirm, which else would say that all is well.
func TestPermissionOfAck(t *testing.T) {
	s, err := denied(t, "$JS.ACK.>").EnsureStream(t.Context(), consumer.StreamConfig{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Lookup(t.Context(), consumer.DurableConfig{Topic: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	src := source(t, d, consumer.SourceConfig{})
	m, _ := first(t, src)
	for range 2 {
		if n, err := d.Ack(m); n != 1 || err != nil {
			t.Fatalf("ack: %d, %v", n, err)
		}
		start := time.Now()
		wantDenied(t, d.Confirm(t.Context()), "$JS.ACK.PERSISTING.pst-bridge-demo.1.1.1.", start)
	}
}

func TestPermissionOfDeadLetter(t *testing.T) {
	s, err := denied(t, "persisting_dlq.>").EnsureStream(t.Context(), consumer.StreamConfig{})
	if err != nil {
		t.Fatal(err)
	}
	dl := deadLetters(t, s)
	start := time.Now()
	err = dl.Publish(t.Context(), consumer.Message{Seq: 1, Subject: "persisting.demo"}, 0, "c", "r")
	wantDenied(t, err, "persisting_dlq.demo.0.1", start)
}

// A denied inbox is told by the first call and by every later one.
func TestPermissionOfInbox(t *testing.T) {
	n := natsenv.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "bridge", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Allow: []string{"_MINE.>"}},
		}}}
	})
	c := connect(t, consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{nats.UserInfo("bridge", "p")}})
	for range 2 {
		start := time.Now()
		_, err := c.EnsureStream(t.Context(), consumer.StreamConfig{})
		if !errors.Is(err, consumer.ErrPermission) || !strings.Contains(err.Error(), "_INBOX.") {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	}
	c = connect(t, consumer.Config{
		Servers: []string{n.URL()}, InboxPrefix: "_MINE", Options: []nats.Option{nats.UserInfo("bridge", "p")},
	})
	ensureStream(t, c, consumer.StreamConfig{})
}
