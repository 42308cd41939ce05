package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/nats-io/nats.go"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
)

// checkCmd is "check".
type checkCmd struct {
	AsPublisher bool `help:"Look instead whether the user of this connection, a publisher's, may do what a publisher must not."`
	JSON        bool `help:"Print as JSON, one object per line."`
	runFlags
}

// Help is the example shown by "help check".
func (*checkCmd) Help() string {
	return example(
		"pst-bridge check --server nats://nats:4222 --storage /data/tables",
		"pst-bridge check --as-publisher --topics orders --creds publisher.creds --inbox-prefix _INBOX_publisher",
	)
}

// Run looks, and fails if the bridge would not start.
func (c *checkCmd) Run(parent context.Context, std *streams) error {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	look := c.look
	if c.AsPublisher {
		look = c.lookAsPublisher
	}
	found, err := look(ctx, std)
	if err != nil {
		return err
	}
	if err := printFindings(std, found, c.JSON); err != nil {
		return err
	}
	return refusal(found, true)
}

func (c *checkCmd) look(ctx context.Context, std *streams) ([]bridge.Finding, error) {
	to := c.Connect
	if c.Embedded {
		to.Server = c.embeddedURL()
	}
	conn, err := to.connect(ctx, nil, newInstance(), c.Log.logger(std.err))
	if c.Embedded && errors.Is(err, nats.ErrNoServers) {
		found, err := c.lookAtStorage(ctx, bridge.Finding{
			Level: bridge.LevelOK, What: "embedded server", Detail: "it starts with the bridge; check again then, what is in its store is not looked at",
		})
		return append(c.exposure(nil), found...), err
	}
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	found, err := c.lookBehind(ctx, conn)
	return append(c.exposure(conn), found...), err
}

// embeddedURL is where the embedded server answers while a bridge with these flags runs.
func (c *checkCmd) embeddedURL() string {
	host, port, _ := net.SplitHostPort(c.Listen) // Validate has looked at it
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "nats://" + net.JoinHostPort(host, port)
}

// lookAsPublisher looks at what the user of the connection may do beside publishing.
func (c *checkCmd) lookAsPublisher(ctx context.Context, _ *streams) ([]bridge.Finding, error) {
	// What the server denies is what is looked for: it is not logged.
	conn, err := c.Connect.connect(ctx, nil, newInstance(), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	all, err := conn.Excess(ctx, consumer.PermissionConfig{
		Stream: c.Where.Stream, Prefix: c.Where.SubjectPrefix, Consumer: c.Consumer, Topics: c.Topics, PerTopic: c.Where.PerTopic,
	})
	if err != nil {
		return nil, err
	}
	var found []bridge.Finding
	for _, e := range all {
		f := bridge.Finding{Level: bridge.LevelOK, What: e.What, Detail: "denied"}
		if len(e.Subjects) > 0 {
			f.Level, f.Fix = bridge.LevelError, "give it the rights of a publisher that pst-bridge nats-permissions prints, and its own inbox"
			f.Detail = fmt.Sprintf("%s is not denied: %s", strings.Join(e.Subjects, ", "), e.Harm)
			if e.Reads {
				f.Level = bridge.LevelWarning
			}
		}
		found = append(found, f)
	}
	return found, nil
}

// lookBehind looks at what is behind the connection.
func (c *checkCmd) lookBehind(ctx context.Context, conn *consumer.Conn) ([]bridge.Finding, error) {
	want, err := c.Where.config()
	if err != nil {
		return nil, err
	}
	provision := want.Provision
	want.Topics, want.Provision = c.Topics, false
	streams, err := conn.EnsureStreams(ctx, want)
	made := bridge.Finding{Level: bridge.LevelOK, What: "stream " + want.Name, Detail: "it is made when the bridge starts; check again then"}
	if errors.Is(err, consumer.ErrNoStream) && provision {
		if err = conn.CheckSubjects(ctx, want); err == nil {
			return c.lookAtStorage(ctx, made)
		}
	}
	switch {
	case errors.Is(err, consumer.ErrNoStream), errors.Is(err, consumer.ErrUnusable), errors.Is(err, consumer.ErrTaken):
		made.Level, made.Detail = bridge.LevelError, oneLine(err.Error())
		return c.lookAtStorage(ctx, made)
	case err != nil:
		return nil, err
	}
	b, err := bridge.New(c.bridgeConfig(bridge.Events{}), streams)
	if err != nil {
		return nil, err
	}
	return b.Check(ctx)
}

// lookAtStorage adds to what was found what can be looked at without a stream.
func (c *checkCmd) lookAtStorage(ctx context.Context, found bridge.Finding) ([]bridge.Finding, error) {
	b, err := bridge.New(c.bridgeConfig(bridge.Events{}), nil)
	if err != nil {
		return nil, err
	}
	rest, err := b.CheckStorage(ctx)
	return append([]bridge.Finding{found}, rest...), err
}

// printFindings prints one line per finding.
func printFindings(std *streams, found []bridge.Finding, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(std.out)
		for _, f := range found {
			if err := out.Encode(map[string]string{"level": string(f.Level), "what": f.What, "topic": f.Topic, "detail": f.Detail, "fix": f.Fix}); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, f := range found {
		line := f.Detail
		if f.Fix != "" {
			line += ". Fix: " + f.Fix
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Level, f.What, oneLine(line))
	}
	return w.Flush()
}

// refusal is the error of findings with which the bridge must not start, nil if there
// are none. What concerns one topic stops that topic alone, so run leaves it out.
func refusal(found []bridge.Finding, topics bool) error {
	var errs []error
	for _, f := range found {
		if f.Level == bridge.LevelError && (topics || f.Topic == "") {
			errs = append(errs, advise(fmt.Errorf("%s: %s", f.What, f.Detail), f.Fix))
		}
	}
	return errors.Join(errs...)
}

// logFindings logs what may surprise.
func logFindings(log *slog.Logger, found []bridge.Finding) {
	for _, f := range found {
		switch f.Level {
		case bridge.LevelWarning:
			log.Warn(f.Detail, "check", f.What, "fix", f.Fix)
		case bridge.LevelUnknown, bridge.LevelNote:
			log.Info(f.Detail, "check", f.What, "fix", f.Fix)
		case bridge.LevelOK, bridge.LevelError: // an error is what the start ends with
		}
	}
}
