package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// pubCmd is "pub".
type pubCmd struct {
	Topic string   `arg:"" help:"Topic to publish to: the subject after the prefix."`
	Files []string `arg:"" optional:"" name:"file" help:"Files of NDJSON; none or - is standard input."`

	BatchLines int      `default:"1" placeholder:"N" env:"PST_BATCH_LINES" help:"Put up to N lines into one message, fewer where it would exceed the server's max_payload."`
	MsgID      msgID    `name:"msg-id" placeholder:"HOW" env:"PST_MSG_ID" help:"Give messages an id, so that the server drops repeats inside its duplicate window: file:line, or field=NAME for the value of a field."`
	From       position `placeholder:"FILE:LINE" help:"Begin at this line of this file, as an earlier run printed it."`
	JSON       bool     `help:"Print the result as JSON."`

	Connect connectFlags `embed:""`
	Where   streamFlags  `embed:""`
	Log     logFlags     `embed:""`
}

// Help is the example shown by "help pub".
func (*pubCmd) Help() string {
	return example(
		`echo '{"user":"ada","n":1}' | pst-bridge pub events`,
		`pst-bridge pub events day1.ndjson day2.ndjson --msg-id file:line`,
	)
}

// Validate refuses combinations that cannot work.
func (c *pubCmd) Validate() error {
	if c.BatchLines < 1 {
		return usagef("--batch-lines %d: use 1 or more", c.BatchLines)
	}
	if c.MsgID.field != "" && c.BatchLines > 1 {
		return usagef("--msg-id field=%s needs --batch-lines 1: a message of several lines has several values", c.MsgID.field)
	}
	if c.Topic == "" {
		return nil // the parser says that it is missing
	}
	if err := consumer.CheckTopic(c.Topic); err != nil {
		return usagef("topic %v", err)
	}
	return nil
}

// Run publishes and prints how many messages were acknowledged.
func (c *pubCmd) Run(ctx context.Context, kctx *kong.Context, std *streams) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	conn, err := c.Connect.connect(ctx, nil, "pub", c.Log.logger(std.err))
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := c.ensureStream(ctx, conn)
	if err != nil {
		return err
	}
	subject := c.Where.SubjectPrefix + "." + c.Topic
	src := source{files: c.Files, stdin: std.in, from: c.From, batchLines: c.BatchLines, maxPayload: int(conn.NATS().MaxPayload())}
	show := newProgress(std.err, io.Discard)
	pub := publisher{js: conn.JetStream(), subject: subject, stream: stream, perTopic: c.Where.PerTopic, id: c.MsgID, acked: show.add("acknowledged", 0), denied: make(chan error, 1)}
	defer conn.OnDenied(subject, pub.deny)()
	began := time.Now()
	res, err := pub.publish(ctx, src.payloads())
	show.close()
	res.Topic, res.Stream, res.Seconds = c.Topic, stream, time.Since(began).Seconds()
	if err == nil || res.Messages > 0 {
		err = errors.Join(err, c.print(std, res))
	}
	return resumable(err, res, kctx.Args)
}

// ensureStream creates or verifies the topic's stream, and returns its name. Under
// --provision=false it does not even look, for a publisher needs no right but that to its
// subject: where the stream is missing the first publish says so.
func (c *pubCmd) ensureStream(ctx context.Context, conn *consumer.Conn) (string, error) {
	want, err := c.Where.config()
	if err != nil {
		return "", err
	}
	want.Topics = []string{c.Topic}
	name := want.Name
	if want.PerTopic {
		if name, err = consumer.StreamName(want.Name, c.Topic); err != nil {
			return "", err
		}
	}
	if !want.Provision {
		return name, nil
	}
	streams, err := conn.EnsureStreams(ctx, want)
	if err == nil {
		_, err = streams.Ensure(ctx, c.Topic)
	}
	if errors.Is(err, consumer.ErrPermission) {
		err = advise(err, "or use --provision=false, which needs no right but to publish")
	}
	return name, err
}

// print writes the result.
func (c *pubCmd) print(std *streams, r published) error {
	if c.JSON {
		return json.NewEncoder(std.out).Encode(r)
	}
	line := fmt.Sprintf("%d messages (%d lines) acknowledged by stream %s", r.Messages, r.Lines, r.Stream)
	if r.Duplicates > 0 {
		line += fmt.Sprintf(", %d of them dropped as duplicates", r.Duplicates)
	}
	_, err := fmt.Fprintln(std.out, line)
	return err
}

// published is what a run of pub came to.
type published struct {
	Topic      string    `json:"topic"`
	Stream     string    `json:"stream"`
	Messages   int       `json:"acknowledged"`
	Lines      int       `json:"lines"`
	Duplicates int       `json:"duplicates"`
	Seconds    float64   `json:"seconds"`
	Resume     *position `json:"resume,omitempty"` // first line that is not acknowledged
	Later      int       `json:"acknowledged_after_resume,omitempty"`
}

// resumable adds to err where to resume and how.
func resumable(err error, r published, args []string) error {
	if err == nil || r.Resume == nil {
		return err
	}
	next := "resume with: " + resumeCommand(args, *r.Resume)
	if r.Later > 0 {
		next += fmt.Sprintf(" (%d later messages were acknowledged and would come twice; --msg-id lets the server drop them)", r.Later)
	}
	return advise(err, next)
}

// resumeCommand is the command line args with --from at; secrets are left to
// the environment.
func resumeCommand(args []string, at position) string {
	words := []string{"pst-bridge"}
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch name {
		case "--from", "--password", "--token":
			if !joined {
				i++
			}
		case "--server", "-s":
			value := args[i : i+1]
			if !joined && i+1 < len(args) {
				value = args[i : i+2]
				i++
			}
			if !strings.Contains(value[len(value)-1], "@") {
				for _, word := range value {
					words = append(words, shellQuote(word))
				}
			}
		default:
			if !strings.HasPrefix(args[i], "-s") || !strings.Contains(args[i], "@") { // as in -snats://...
				words = append(words, shellQuote(args[i]))
			}
		}
	}
	return strings.Join(append(words, "--from", shellQuote(at.String())), " ")
}

// shellQuote quotes a word where a shell would read it as more than itself.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// position is a line of a file; "-" is standard input, and lines count from 1.
type position struct {
	File string
	Line int
}

// String is the form that --from takes.
func (p position) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// MarshalText is String, for JSON.
func (p position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText parses FILE:LINE.
func (p *position) UnmarshalText(text []byte) error {
	i := strings.LastIndexByte(string(text), ':')
	if i <= 0 {
		return fmt.Errorf("%q is not FILE:LINE", text)
	}
	line, err := strconv.Atoi(string(text[i+1:]))
	if err != nil || line < 1 {
		return fmt.Errorf("%q is not FILE:LINE", text)
	}
	p.File, p.Line = string(text[:i]), line
	return nil
}
