package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/consumer/embedded"
)

// startNATS starts a server for a test and connects to it.
func startNATS(t *testing.T) (*embedded.Server, *consumer.Conn) {
	t.Helper()
	server, err := embedded.Start(embedded.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	conn, err := consumer.Connect(t.Context(), consumer.Config{InProcess: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return server, conn
}

// stored reads the messages of a stream.
func stored(t *testing.T, conn *consumer.Conn) []*jetstream.RawStreamMsg {
	t.Helper()
	s, err := conn.JetStream().Stream(t.Context(), consumer.DefaultStream)
	if err != nil {
		t.Fatal(err)
	}
	var msgs []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, m)
	}
	return msgs
}

func texts(msgs []*jetstream.RawStreamMsg) []string {
	var out []string
	for _, m := range msgs {
		out = append(out, string(m.Data))
	}
	return out
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPubStandardInput(t *testing.T) {
	server, conn := startNATS(t)
	r := runCLI(t, "{\"a\":1}\r\n\n  \n{\"a\":2}\n{\"a\":3}", "pub", "events.eu", "--server", server.ClientURL())
	if r.code != 0 || r.err != "" {
		t.Fatalf("exit %d, stderr %q", r.code, r.err)
	}
	if want := "3 messages (3 lines) acknowledged by stream PERSISTING\n"; r.out != want {
		t.Errorf("stdout %q, want %q", r.out, want)
	}
	msgs := stored(t, conn)
	if got, want := fmt.Sprint(texts(msgs)), `[{"a":1} {"a":2} {"a":3}]`; got != want {
		t.Errorf("stream holds %s, want %s", got, want)
	}
	if msgs[0].Subject != "persisting.events.eu" {
		t.Errorf("subject %s", msgs[0].Subject)
	}
}

func TestPubBatchesLinesPerFile(t *testing.T) {
	server, conn := startNATS(t)
	a, b := writeFile(t, "a", "1\n2\n3\n"), writeFile(t, "b", "4\n")
	r := runCLI(t, "", "pub", "x", a, b, "--batch-lines", "2", "--json", "--server", server.ClientURL())
	if r.code != 0 {
		t.Fatalf("exit %d, stderr %q", r.code, r.err)
	}
	var res map[string]any
	if err := json.Unmarshal([]byte(r.out), &res); err != nil || res["acknowledged"] != 3.0 || res["lines"] != 4.0 {
		t.Errorf("stdout %q (%v)", r.out, err)
	}
	if got, want := fmt.Sprintf("%q", texts(stored(t, conn))), `["1\n2" "3" "4"]`; got != want {
		t.Errorf("stream holds %s, want %s", got, want)
	}
}

func TestPubMessageIDMakesARerunSafe(t *testing.T) {
	for how, lines := range map[string]string{"file:line": "{}\n{}\n", "field=id": "{\"id\":7}\n{\"id\":\"8\"}\n"} {
		t.Run(how, func(t *testing.T) {
			server, conn := startNATS(t)
			file := writeFile(t, "f", lines)
			for run := range 2 {
				r := runCLI(t, "", "pub", "x", file, "--msg-id", how, "--server", server.ClientURL())
				if r.code != 0 || strings.Contains(r.out, "2 of them dropped as duplicates") != (run == 1) {
					t.Errorf("run %d: exit %d, stdout %q, stderr %q", run, r.code, r.out, r.err)
				}
			}
			if n := len(stored(t, conn)); n != 2 {
				t.Errorf("stream holds %d messages, want 2", n)
			}
		})
	}
}

func TestPubStopsAtABadLineAndResumes(t *testing.T) {
	server, conn := startNATS(t)
	file := writeFile(t, "f", "{\"id\":1}\n{\"id\":2}\n{\"name\":3}\n{\"id\":4}\n")
	r := runCLI(t, "", "pub", "x", file, "--msg-id", "field=id", "--server", server.ClientURL())
	if r.code != exitFailure || !strings.Contains(r.out, "2 messages") {
		t.Errorf("exit %d, stdout %q", r.code, r.out)
	}
	for _, want := range []string{file + ":3", "no such field", "resume with: pst-bridge pub x", "--from " + file + ":3"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("stderr %q does not contain %q", r.err, want)
		}
	}
	r = runCLI(t, "", "pub", "x", file, "--from", file+":3", "--server", server.ClientURL())
	if r.code != 0 {
		t.Errorf("resume: exit %d, stderr %q", r.code, r.err)
	}
	if got, want := fmt.Sprint(texts(stored(t, conn))), `[{"id":1} {"id":2} {"name":3} {"id":4}]`; got != want {
		t.Errorf("stream holds %s, want %s", got, want)
	}
}

// TestPubRefusedByStream fills a stream to its byte limit: what is not
// acknowledged is named, and resuming from there loses and repeats nothing.
func TestPubRefusedByStream(t *testing.T) {
	server, conn := startNATS(t)
	var lines bytes.Buffer
	for i := range 400 {
		fmt.Fprintf(&lines, "{\"i\":%d,\"pad\":%q}\n", i, strings.Repeat("x", 500))
	}
	file := writeFile(t, "f", lines.String())
	args := []string{"pub", "x", file, "--server", server.ClientURL(), "--max-wal-size", "100KB"}
	r := runCLI(t, "", args...)
	if r.code != exitFailure || !strings.Contains(r.err, "maximum bytes exceeded") {
		t.Fatalf("exit %d, stderr %q", r.code, r.err)
	}
	held := stored(t, conn)
	if len(held) == 0 || len(held) == 400 {
		t.Fatalf("stream holds %d messages: the limit did not strike", len(held))
	}
	if want := fmt.Sprintf("%d messages", len(held)); !strings.Contains(r.out, want) {
		t.Errorf("stdout %q, the stream holds %d", r.out, len(held))
	}
	if want := fmt.Sprintf("--from %s:%d\n", file, len(held)+1); !strings.HasSuffix(r.err, want) {
		t.Errorf("stderr %q does not end in %q", r.err, want)
	}
	s, err := conn.JetStream().Stream(t.Context(), consumer.DefaultStream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = -1
	if _, err := conn.JetStream().UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	at := strings.TrimSpace(r.err[strings.LastIndex(r.err, "--from ")+len("--from "):])
	if r := runCLI(t, "", append(args, "--from", at)...); r.code != 0 {
		t.Fatalf("resume: exit %d, stderr %q", r.code, r.err)
	}
	if got, want := strings.Join(texts(stored(t, conn)), "\n")+"\n", lines.String(); got != want {
		t.Error("after the resume the stream is not what the file is")
	}
}

func TestPubUnreachableServer(t *testing.T) {
	r := runCLI(t, "{}", "pub", "x", "--server", "nats://127.0.0.1:1")
	checkOneLine(t, r, exitFailure, "127.0.0.1:1", "--server")
}

func TestPubWithoutProvisionNamesTheStream(t *testing.T) {
	server, _ := startNATS(t)
	r := runCLI(t, "{}", "pub", "x", "--provision=false", "--server", server.ClientURL())
	checkOneLine(t, r, exitFailure, "PERSISTING", "does not exist")
}

func TestPubInterruptedSaysWhereToResume(t *testing.T) {
	p := publisher{queue: []outstanding{{at: position{"f", 9}, ack: silent{}}}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.collect(ctx)
	if !errors.Is(err, errInterrupted) {
		t.Fatalf("collect: %v", err)
	}
	p.queue[0].failed = true // spares the test the wait for the last acknowledgements
	res, err := p.fail(position{"f", 10}, err)
	if res.Resume == nil || *res.Resume != (position{"f", 9}) || !errors.Is(err, errInterrupted) {
		t.Errorf("resume at %v, error %v", res.Resume, err)
	}
}

// silent is an acknowledgement that never comes.
type silent struct{ jetstream.PubAckFuture }

func (silent) Ok() <-chan *jetstream.PubAck { return nil }
func (silent) Err() <-chan error            { return nil }

func TestSourceLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		lines int
		want  string
		err   string
	}{
		"fits exactly":          {"12345678\n12\n", 1, `["12345678" "12"]`, ""},
		"one byte too long":     {"1\n123456789\n", 1, `["1"]`, "-:2: line is longer"},
		"far too long":          {"1\n" + strings.Repeat("x", 5000), 1, `["1"]`, "-:2: line is longer"},
		"pending batch is sent": {"1\n2\n123456789\n", 5, `["1\n2"]`, "-:3: line is longer"},
		"batch cut at limit":    {"1234\n678\n12\n", 5, `["1234\n678" "12"]`, ""},
		"no final newline":      {"1\n2", 1, `["1" "2"]`, ""},
		"nothing":               {"", 1, `[]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			src := source{stdin: strings.NewReader(c.text), batchLines: c.lines, maxPayload: 8}
			var got []string
			var failed string
			for p, err := range src.payloads() {
				if err != nil {
					failed = err.Error()
					continue
				}
				got = append(got, string(p.data))
			}
			if text := fmt.Sprintf("%q", got); text != c.want {
				t.Errorf("payloads %s, want %s", text, c.want)
			}
			if !strings.HasPrefix(failed, c.err) || (c.err == "") != (failed == "") {
				t.Errorf("error %q, want %q", failed, c.err)
			}
		})
	}
}

func TestSourceReadErrorIsLocated(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("1\n"), brokenReader{})
	src := source{stdin: broken, batchLines: 1, maxPayload: 100}
	var last error
	for _, err := range src.payloads() {
		last = err
	}
	if last == nil || !strings.HasPrefix(last.Error(), "-:2: ") {
		t.Errorf("error %v", last)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("cable pulled") }

func TestResumeCommand(t *testing.T) {
	got := resumeCommand([]string{"pub", "x", "my file", "--from", "a:1", "--password=p", "--token", "t"}, position{"my file", 3})
	if want := `pst-bridge pub x 'my file' --from 'my file:3'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
