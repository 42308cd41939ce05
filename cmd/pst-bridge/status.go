package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/sink"
)

// statusCmd is "status".
type statusCmd struct {
	Topics []string     `arg:"" optional:"" name:"topic" help:"Topics to look at; none: all with messages in the stream or with a table."`
	JSON   bool         `help:"Print as JSON, one object per topic and line."`
	Where  operateFlags `embed:""`
}

// Help is the example shown by "help status".
func (*statusCmd) Help() string {
	return example("pst-bridge status", "pst-bridge status --json orders")
}

// topicStatus is one topic, as --json prints it.
type topicStatus struct {
	Topic       string `json:"topic"`
	State       string `json:"state"` // ok, new, or a stop state
	Detail      string `json:"detail,omitempty"`
	Remedy      string `json:"remedy,omitempty"`
	Table       string `json:"table,omitempty"`
	Version     uint64 `json:"version"`
	Rows        uint64 `json:"rows"`
	DeadLetters uint64 `json:"dead_letters"`
	Epoch       uint32 `json:"epoch"`
	Floor       uint64 `json:"floor"`
	MaxSeq      uint64 `json:"max_seq"`
	Pending     uint64 `json:"pending"`
	AckPending  int    `json:"ack_pending"`
	Missing     string `json:"missing,omitempty"` // sequences that a restore or overwrite took
}

// Run prints the topics, and fails if one of them cannot go on.
func (c *statusCmd) Run(ctx context.Context, std *streams) error {
	return c.Where.operate(ctx, std, false, func(ctx context.Context, b *bridge.Bridge) error {
		topics := c.Topics
		if len(topics) == 0 {
			var err error
			if topics, err = b.KnownTopics(ctx); err != nil {
				return err
			}
		}
		var all []topicStatus
		var stopped []string
		for _, topic := range topics {
			d, err := b.Diagnose(ctx, topic)
			if err != nil {
				return err
			}
			st := describe(d)
			all = append(all, st)
			if d.Err != nil {
				stopped = append(stopped, topic)
			}
		}
		if err := c.print(std, all); err != nil {
			return err
		}
		if len(stopped) > 0 {
			return fmt.Errorf("%d of %d topics cannot go on: %s", len(stopped), len(all), strings.Join(stopped, ", "))
		}
		return nil
	})
}

func (c *statusCmd) print(std *streams, all []topicStatus) error {
	if c.JSON {
		out := json.NewEncoder(std.out)
		for i := range all {
			if err := out.Encode(all[i]); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TOPIC\tSTATE\tVERSION\tROWS\tDEAD\tPENDING\tUNACKED")
	for i := range all {
		s := &all[i]
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", s.Topic, s.State, s.Version, s.Rows, s.DeadLetters, s.Pending, s.AckPending)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range all {
		explain(std, &all[i])
	}
	return nil
}

// explain prints what is wrong with a topic and what to do.
func explain(std *streams, s *topicStatus) {
	if s.Detail == "" {
		return
	}
	fmt.Fprintf(std.out, "\n%s: %s\n", s.Topic, s.Detail)
	if s.Missing != "" {
		fmt.Fprintf(std.out, "  missing: %s\n", s.Missing)
	}
	if s.Remedy != "" {
		fmt.Fprintf(std.out, "  %s\n", s.Remedy)
	}
}

// describe puts a diagnosis into words and numbers.
func describe(d *bridge.Diagnosis) topicStatus {
	s := topicStatus{Topic: d.Topic, State: "ok"}
	if t := d.Table; t != nil {
		s.Table, s.Version, s.Rows = t.Dir, t.Version, t.Rows
		if t.Version == 0 {
			s.State = "new"
		}
		if e := t.Entry; e != nil {
			s.DeadLetters, s.Epoch, s.Floor, s.MaxSeq = e.Dead, e.Epoch, e.Floor, e.MaxSeq
		}
	}
	if st := d.Consumer; st != nil {
		s.Pending, s.AckPending = st.NumPending, st.NumAckPending
	}
	if d.Err == nil {
		return s
	}
	s.State, s.Detail = "failing", oneLine(d.Err.Error())
	var stop *bridge.StopError
	if errors.As(d.Err, &stop) {
		s.State, s.Remedy = stop.Reason, remedy(d.Topic, stop.Reason)
	}
	if r := d.Rollback; r != nil && r.Exact {
		s.Missing = ranges(r)
	}
	return s
}

// maxRanges is how many ranges are printed.
const maxRanges = 20

// ranges writes the sequences that a rollback took.
func ranges(r *sink.Rollback) string {
	var parts []string
	for run := range r.Missing.Runs() {
		if len(parts) == maxRanges {
			parts = append(parts, fmt.Sprintf("and %d more ranges", r.Missing.RunCount()-maxRanges))
			break
		}
		if run.First == run.Last {
			parts = append(parts, fmt.Sprint(run.First))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", run.First, run.Last))
		}
	}
	if parts == nil {
		return "none"
	}
	return fmt.Sprintf("sequences %s, taken by %s in version %d", strings.Join(parts, ", "), r.Operation, r.Version)
}
