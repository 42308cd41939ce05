package consumer_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

func deadLetters(t testing.TB, s *consumer.Stream) *consumer.DeadLetters {
	t.Helper()
	dl, err := consumer.Shared(s).EnsureDeadLetters(t.Context(), consumer.DeadLetterConfig{Provision: true})
	if err != nil {
		t.Fatal(err)
	}
	return dl
}

func stored(t testing.TB, c *consumer.Conn, subject string) (*jetstream.RawStreamMsg, uint64) {
	t.Helper()
	s, err := c.JetStream().Stream(t.Context(), "PERSISTING_DLQ")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(t.Context(), subject)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return m, s.CachedInfo().State.Msgs
}

// A dead letter carries the original and the reason, and is stored once however
// often it is published, whatever headers the original has.
func TestDeadLetter(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{Topic: "a.b"})
	src := source(t, d, consumer.SourceConfig{})
	dl := deadLetters(t, w.stream)
	out := &nats.Msg{Subject: "persisting.a.b", Data: []byte("{bad"), Header: nats.Header{
		"Nats-Msg-Id": {"id-1"}, "X-Mine": {"one", "two"}, "Nats-Expected-Stream": {"PERSISTING"}, "Pst-Error": {"fake"},
	}}
	if _, err := w.conn.JetStream().PublishMsg(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	m, _ := first(t, src)
	for range 3 {
		if err := dl.Publish(t.Context(), m, 2, "json", "unexpected end\nat byte 4"); err != nil {
			t.Fatal(err)
		}
	}
	got, count := stored(t, w.conn, "persisting_dlq.a.b.2.1")
	if count != 1 || string(got.Data) != "{bad" {
		t.Errorf("%d stored, payload %q", count, got.Data)
	}
	at, err := time.Parse(time.RFC3339Nano, got.Header.Get("Nats-Time-Stamp"))
	if err != nil || !at.Equal(m.Time) {
		t.Errorf("time %v, %v; want %v", at, err, m.Time)
	}
	for name, want := range map[string]string{
		"Nats-Stream": "PERSISTING", "Nats-Sequence": "1", "Nats-Subject": "persisting.a.b",
		"Pst-Error-Class": "json", "Pst-Error": "unexpected end at byte 4",
		"X-Mine": "one,two", "Pst-Original-Nats-Msg-Id": "id-1",
		"Pst-Original-Nats-Expected-Stream": "PERSISTING", "Pst-Original-Pst-Error": "fake",
		"Nats-Msg-Id": "", "Nats-Expected-Stream": "",
	} {
		if have := strings.Join(got.Header[name], ","); have != want {
			t.Errorf("header %s is %q, want %q", name, have, want)
		}
	}
	if err := dl.Publish(t.Context(), m, 3, "json", "another epoch"); err != nil {
		t.Fatal(err)
	}
	if _, count := stored(t, w.conn, "persisting_dlq.a.b.3.1"); count != 2 {
		t.Errorf("%d stored after another epoch", count)
	}
}

// A topic that moved to another stream has the same numbers there: a dead letter of the
// one stream does not stand for that of the other.
func TestDeadLettersOfTwoStreams(t *testing.T) {
	w := newWorld(t)
	of := []*consumer.DeadLetters{deadLetters(t, w.stream)}
	if err := w.conn.JetStream().DeleteStream(t.Context(), "PERSISTING"); err != nil {
		t.Fatal(err)
	}
	of = append(of, deadLetters(t, ensureStream(t, w.conn, consumer.StreamConfig{Name: "OTHER"})))
	for i, dl := range of {
		m := consumer.Message{Seq: 1, Subject: "persisting.demo", Data: []byte{'0' + byte(i)}}
		for range 3 {
			if err := dl.Publish(t.Context(), m, 0, "c", "r"); err != nil {
				t.Fatal(err)
			}
		}
		got, count := stored(t, w.conn, "persisting_dlq.demo.0.1")
		if count != uint64(i+1) || string(got.Data) != string(m.Data) {
			t.Errorf("%d stored, the last is %q of %s", count, got.Data, got.Header.Get("Nats-Stream"))
		}
	}
}

// Messages with the same id of their publisher are dead letters of their own.
func TestDeadLettersWithOneID(t *testing.T) {
	w := newWorld(t)
	dl := deadLetters(t, w.stream)
	for seq := range uint64(3) {
		m := consumer.Message{
			Seq: seq + 1, Subject: "persisting.demo", Time: time.Now(),
			Header: map[string][]string{"Nats-Msg-Id": {"same"}, "nats-msg-id": {"same"}},
		}
		if err := dl.Publish(t.Context(), m, 0, "c", "r"); err != nil {
			t.Fatal(err)
		}
	}
	if _, count := stored(t, w.conn, "persisting_dlq.demo.0.3"); count != 3 {
		t.Errorf("%d stored, want 3", count)
	}
}

// A payload that leaves no room for the headers is compressed, or else cut.
func TestDeadLetterOfLargestMessage(t *testing.T) {
	w := newWorld(t)
	dl := deadLetters(t, w.stream)
	limit := int(w.conn.NATS().MaxPayload())
	text := bytes.Repeat([]byte(`{"key": "value"} `), limit/17)
	noise := make([]byte, limit)
	rng := rand.NewChaCha8([32]byte{1})
	if _, err := rng.Read(noise); err != nil {
		t.Fatal(err)
	}
	reason := strings.Repeat("\u00e9", 5000)
	for seq, data := range [][]byte{text, noise} {
		m := consumer.Message{Seq: uint64(seq), Subject: "persisting.demo", Data: data}
		if err := dl.Publish(t.Context(), m, 0, "c", reason); err != nil {
			t.Fatal(err)
		}
	}
	packed, _ := stored(t, w.conn, "persisting_dlq.demo.0.0")
	r, err := gzip.NewReader(bytes.NewReader(packed.Data))
	if err != nil || packed.Header.Get("Pst-Encoding") != "gzip" {
		t.Fatal(err, packed.Header)
	}
	if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, text) {
		t.Errorf("unpacked to %d bytes, %v", len(back), err)
	}
	cut, _ := stored(t, w.conn, "persisting_dlq.demo.0.1")
	if cut.Header.Get("Pst-Truncated") != strconv.Itoa(limit) || len(cut.Data) < limit-4096 || !bytes.HasPrefix(noise, cut.Data) {
		t.Errorf("cut to %d bytes, headers %v", len(cut.Data), cut.Header)
	}
	if have := cut.Header.Get("Pst-Error"); len(have) > consumer.MaxReason {
		t.Errorf("reason of %d bytes", len(have))
	}
}

// Streams take 64 KiB of headers. Where a message has nearly as much, those that find
// no room beside ours are left out, and counted; such a dead letter is not replayed.
func TestDeadLetterOfManyHeaders(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{Topic: "demo"})
	src := source(t, d, consumer.SourceConfig{})
	dl := deadLetters(t, w.stream)
	h := nats.Header{"Content-Type": {"application/json"}}
	for i := range 1000 {
		h.Set("Nats-Of-Mine-"+strconv.Itoa(1000+i), strings.Repeat("v", 43)) // 64 bytes each, 13 more as a dead letter
	}
	out := &nats.Msg{Subject: "persisting.demo", Data: []byte("bad"), Header: h}
	if _, err := w.conn.JetStream().PublishMsg(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	m, _ := first(t, src)
	if err := dl.Publish(t.Context(), m, 0, "c", strings.Repeat("r", 2000)); err != nil {
		t.Fatal(err)
	}
	l, err := dl.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if l.Header.Get("Content-Type") == "" || len(l.Header)+l.Dropped != 1001 || l.Dropped < 100 || l.Dropped > 250 {
		t.Errorf("%d headers kept, %d dropped", len(l.Header), l.Dropped)
	}
	if string(l.Data) != "bad" || l.Truncated != 0 {
		t.Errorf("payload %q, %d", l.Data, l.Truncated)
	}
	if err := dl.Replay(t.Context(), l, false); !errors.Is(err, consumer.ErrNotKept) {
		t.Errorf("replayed without its headers: %v", err)
	}
}

// The stream for dead letters is created only where that is allowed, and never
// under the prefix of the messages.
func TestDeadLettersConfig(t *testing.T) {
	w := newWorld(t)
	if _, err := consumer.Shared(w.stream).EnsureDeadLetters(t.Context(), consumer.DeadLetterConfig{}); !errors.Is(err, consumer.ErrNoStream) {
		t.Errorf("without provisioning: %v", err)
	}
	_, err := consumer.Shared(w.stream).EnsureDeadLetters(t.Context(), consumer.DeadLetterConfig{Prefix: "persisting.dead", Provision: true})
	if err == nil || !strings.Contains(err.Error(), "fetched again") {
		t.Errorf("under the prefix: %v", err)
	}
	dl := deadLetters(t, w.stream)
	if err := dl.Publish(t.Context(), consumer.Message{Seq: 1, Subject: "other.demo"}, 0, "c", "r"); err == nil {
		t.Error("a message of another prefix was published")
	}
}

// In a cluster a dead letter is stored once too.
func TestDeadLetterReplicated(t *testing.T) {
	cl := natsenv.StartCluster(t)
	c := connect(t, consumer.Config{Servers: []string{cl.URL()}})
	s := ensureStream(t, c, consumer.StreamConfig{Replicas: 3})
	dl, err := consumer.Shared(s).EnsureDeadLetters(t.Context(), consumer.DeadLetterConfig{Provision: true, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	m := consumer.Message{Seq: 7, Subject: "persisting.demo", Data: []byte("x")}
	errs := make(chan error)
	for range 8 {
		go func() { errs <- dl.Publish(t.Context(), m, 0, "c", "r") }()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if _, count := stored(t, c, "persisting_dlq.demo.0.7"); count != 1 {
		t.Errorf("%d stored", count)
	}
	cl.AwaitCurrent("PERSISTING_DLQ")
	cl.AwaitCurrent("PERSISTING")
}
