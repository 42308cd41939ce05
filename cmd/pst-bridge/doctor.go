package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/sink"
)

// doctorCmd is "doctor".
type doctorCmd struct {
	Topic  string       `arg:"" help:"Topic to look at."`
	Remove bool         `help:"Remove what the stop state names: the consumer of a table that was dropped on purpose; a damaged newest version, which is put into the table's folder _pst/aside."`
	Where  operateFlags `embed:""`
}

// Help is the example shown by "help doctor".
func (*doctorCmd) Help() string {
	return example("pst-bridge doctor orders", "pst-bridge doctor orders --remove")
}

// Run explains the topic's state; with --remove it acts on it.
func (c *doctorCmd) Run(ctx context.Context, std *streams) error {
	return c.Where.operate(ctx, std, false, func(ctx context.Context, b *bridge.Bridge) error {
		d, err := b.Diagnose(ctx, c.Topic)
		if err != nil {
			return err
		}
		s := describe(d)
		if d.Err == nil {
			_, err := fmt.Fprintf(std.out, "%s: %s, version %d, %d rows, %d messages pending: nothing is wrong\n", s.Topic, s.State, s.Version, s.Rows, s.Pending)
			return err
		}
		if !c.Remove {
			explain(std, &s)
			return fmt.Errorf("topic %s cannot go on: %s", c.Topic, s.State)
		}
		var stop *bridge.StopError
		if !errors.As(d.Err, &stop) {
			return fmt.Errorf("topic %s: nothing to remove: %w", c.Topic, d.Err)
		}
		did, err := b.Remove(ctx, stop)
		if errors.Is(err, sink.ErrRefused) {
			err = advise(err, remedy(c.Topic, stop.Reason))
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "%s: %s\n", c.Topic, did)
		return err
	})
}
