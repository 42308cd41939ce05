package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// dlqCmd is "dlq".
type dlqCmd struct {
	List   dlqListCmd   `cmd:"" help:"List dead letters, oldest first."`
	Show   dlqShowCmd   `cmd:"" help:"Show one dead letter whole."`
	Replay dlqReplayCmd `cmd:"" help:"Publish dead letters to their topics again, and remove them."`
}

// dlqFlags say where dead letters are.
type dlqFlags struct {
	Connect connectFlags `embed:""`
	Where   streamFlags  `embed:""`
	Log     logFlags     `embed:""`
}

// open connects and calls f with the dead letters.
func (o *dlqFlags) open(parent context.Context, std *streams, f func(context.Context, *consumer.DeadLetters) error) error {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	want, err := o.Where.config()
	if err != nil {
		return err
	}
	conn, err := o.Connect.connect(ctx, nil, newInstance(), o.Log.logger(std.err))
	if err != nil {
		return err
	}
	defer conn.Close()
	streams, err := conn.NamedStreams(want)
	if err != nil {
		return err
	}
	dead, err := streams.EnsureDeadLetters(ctx, consumer.DeadLetterConfig{})
	if err != nil {
		return advise(err, "it is made by the first run: until then there are no dead letters")
	}
	return f(ctx, dead)
}

// deadLetter is a dead letter as --json prints it.
type deadLetter struct {
	ID        uint64              `json:"id"`
	Topic     string              `json:"topic"`
	Sequence  uint64              `json:"sequence"`
	Epoch     uint32              `json:"epoch"`
	Time      time.Time           `json:"time"`
	Class     string              `json:"class"`
	Reason    string              `json:"reason"`
	Bytes     int                 `json:"bytes"`
	Truncated int                 `json:"truncated,omitempty"`
	Dropped   int                 `json:"headers_dropped,omitempty"`
	Headers   map[string][]string `json:"headers,omitempty"`
	Payload   []byte              `json:"payload,omitempty"` // base64
}

func describeDeadLetter(l *consumer.DeadLetter) deadLetter {
	return deadLetter{
		ID: l.ID, Topic: l.Topic, Sequence: l.Sequence, Epoch: l.Epoch, Time: l.Time,
		Class: l.Class, Reason: l.Reason, Bytes: len(l.Data), Truncated: l.Truncated, Dropped: l.Dropped,
	}
}

// dlqListCmd is "dlq list".
type dlqListCmd struct {
	Topic string `arg:"" optional:"" help:"Topic; none: all."`
	Class string `placeholder:"CLASS" help:"Only those of this class of fault."`
	Limit int    `default:"100" placeholder:"N" help:"At most so many; 0: all."`
	JSON  bool   `help:"Print as JSON, one object per line."`
	dlqFlags
}

// Help is the example shown by "help dlq list".
func (*dlqListCmd) Help() string { return example("pst-bridge dlq list orders --class type") }

// Run prints one line per dead letter.
func (c *dlqListCmd) Run(ctx context.Context, std *streams) error {
	return c.open(ctx, std, func(ctx context.Context, dead *consumer.DeadLetters) error {
		w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		out := json.NewEncoder(std.out)
		if !c.JSON {
			fmt.Fprintln(w, "ID\tTOPIC\tSEQUENCE\tTIME\tCLASS\tREASON")
		}
		n := 0
		for l, err := range dead.List(ctx, c.Topic) {
			if err != nil {
				return err
			}
			if c.Class != "" && l.Class != c.Class {
				continue
			}
			if n++; c.Limit > 0 && n > c.Limit {
				fmt.Fprintf(std.err, "only the first %d are listed: use --limit\n", c.Limit)
				break
			}
			if c.JSON {
				if err := out.Encode(describeDeadLetter(&l)); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\t%s\n", l.ID, l.Topic, l.Sequence, l.Time.Format(time.RFC3339), l.Class, l.Reason)
		}
		return w.Flush()
	})
}

// dlqShowCmd is "dlq show".
type dlqShowCmd struct {
	ID   uint64 `arg:"" help:"Id, as list prints it."`
	JSON bool   `help:"Print as JSON, the payload in base64."`
	dlqFlags
}

// Help is the example shown by "help dlq show".
func (*dlqShowCmd) Help() string { return example("pst-bridge dlq show 17") }

// Run prints what is known of the message, its headers and its payload.
func (c *dlqShowCmd) Run(ctx context.Context, std *streams) error {
	return c.open(ctx, std, func(ctx context.Context, dead *consumer.DeadLetters) error {
		l, err := dead.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			d := describeDeadLetter(&l)
			d.Headers, d.Payload = l.Header, l.Data
			return json.NewEncoder(std.out).Encode(d)
		}
		fmt.Fprintf(std.out, "topic %s, sequence %d of stream %s (epoch %d), stored %s\n%s: %s\n",
			l.Topic, l.Sequence, l.Stream, l.Epoch, l.Time.Format(time.RFC3339Nano), l.Class, l.Reason)
		for _, name := range slices.Sorted(maps.Keys(l.Header)) {
			for _, v := range l.Header[name] {
				fmt.Fprintf(std.out, "%s: %s\n", name, v)
			}
		}
		if l.Truncated > 0 || l.Dropped > 0 {
			fmt.Fprintf(std.out, "(not whole: %d of %d bytes, headers of %d names missing)\n", len(l.Data), max(l.Truncated, len(l.Data)), l.Dropped)
		}
		fmt.Fprintln(std.out)
		_, err = std.out.Write(append(l.Data, '\n'))
		return err
	})
}

// dlqReplayCmd is "dlq replay".
type dlqReplayCmd struct {
	Topic string   `arg:"" optional:"" help:"Topic whose dead letters are to be published again; none with --id."`
	ID    []uint64 `placeholder:"ID,..." help:"Only these, as list prints them."`
	Class string   `placeholder:"CLASS" help:"Only those of this class of fault."`
	Keep  bool     `help:"Leave the dead letters where they are."`
	dlqFlags
}

// Help is the example shown by "help dlq replay".
func (*dlqReplayCmd) Help() string {
	return example("pst-bridge dlq replay orders --class type", "pst-bridge dlq replay --id 17,18")
}

// Validate wants to know what to replay.
func (c *dlqReplayCmd) Validate() error {
	if c.Topic == "" && len(c.ID) == 0 {
		return usagef("name a topic, or dead letters with --id")
	}
	return nil
}

// Run publishes the messages again.
func (c *dlqReplayCmd) Run(ctx context.Context, std *streams) error {
	return c.open(ctx, std, func(ctx context.Context, dead *consumer.DeadLetters) error {
		letters, err := c.letters(ctx, dead)
		if err != nil {
			return err
		}
		show := newProgress(std.err, std.err)
		bar := show.add("replayed", int64(len(letters)))
		defer show.close()
		for i, id := range letters {
			l, err := dead.Get(ctx, id)
			if err == nil {
				err = dead.Replay(ctx, l, c.Keep)
			}
			if err != nil {
				return fmt.Errorf("%d of %d were replayed: %w", i, len(letters), err)
			}
			bar.set(int64(i + 1))
		}
		_, err = fmt.Fprintf(std.out, "%d dead letters were published again\n", len(letters))
		return err
	})
}

// letters lists the ids wanted. Those that fail again become new dead letters, which
// are not among them.
func (c *dlqReplayCmd) letters(ctx context.Context, dead *consumer.DeadLetters) ([]uint64, error) {
	if c.Topic == "" && c.Class == "" {
		return c.ID, nil
	}
	var ids []uint64
	for l, err := range dead.List(ctx, c.Topic) {
		if err != nil {
			return nil, err
		}
		if (c.Class == "" || l.Class == c.Class) && (len(c.ID) == 0 || slices.Contains(c.ID, l.ID)) {
			ids = append(ids, l.ID)
		}
	}
	return ids, nil
}
