package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// rebindCmd is "rebind".
type rebindCmd struct {
	Topic    string       `arg:"" help:"Topic whose table is to be bound."`
	Consumer bool         `xor:"how" required:"" help:"Take the consumer as it is now, made if it is missing. What the table holds stays known, and every restore and overwrite there was is accepted."`
	NewEpoch bool         `xor:"how" required:"" help:"The stream gives out sequence numbers a second time: it was recreated, restored, or lost its tail. Rows get the epoch in _nats_epoch."`
	Start    uint64       `placeholder:"SEQ" help:"With --new-epoch: the first sequence that is given out again; 1 for a stream that was recreated."`
	Where    operateFlags `embed:""`
}

// Help is the example shown by "help rebind".
func (*rebindCmd) Help() string {
	return example("pst-bridge rebind orders --consumer", "pst-bridge rebind orders --new-epoch --start 1")
}

// Validate refuses an epoch without its beginning.
func (c *rebindCmd) Validate() error {
	switch {
	case c.NewEpoch && c.Start == 0:
		return usagef("--new-epoch needs --start: the first sequence that the stream gives out a second time; 1 if it was recreated")
	case c.Consumer && c.Start != 0:
		return usagef("--start goes with --new-epoch")
	}
	return nil
}

// Run writes the ledger entry that binds the topic.
func (c *rebindCmd) Run(ctx context.Context, std *streams) error {
	return c.Where.operate(ctx, std, true, func(ctx context.Context, b *bridge.Bridge) error {
		st, err := b.Rebind(ctx, c.Topic, bridge.Rebinding{NewEpoch: c.NewEpoch, Start: c.Start})
		if err != nil {
			return err
		}
		return printEntry(std, c.Topic, st)
	})
}

// rebuildCmd is "rebuild-ledger".
type rebuildCmd struct {
	Topic string       `arg:"" help:"Topic whose table lost its ledger entry."`
	Where operateFlags `embed:""`
}

// Help is the example shown by "help rebuild-ledger".
func (*rebuildCmd) Help() string { return example("pst-bridge rebuild-ledger orders") }

// Run writes the ledger entry anew from the rows.
func (c *rebuildCmd) Run(ctx context.Context, std *streams) error {
	return c.Where.operate(ctx, std, false, func(ctx context.Context, b *bridge.Bridge) error {
		st, err := b.Rebuild(ctx, c.Topic)
		if err != nil {
			return err
		}
		return printEntry(std, c.Topic, st)
	})
}

// printEntry tells what the table holds now.
func printEntry(std *streams, topic string, st *sink.State) error {
	e := st.Entry
	_, err := fmt.Fprintf(std.out, "%s: version %d of %s is bound to consumer %s of stream %s, epoch %d, floor %d, highest sequence %d; start the workers again\n",
		topic, st.Version, st.Dir, e.Consumer, e.Stream, e.Epoch, e.Floor, e.MaxSeq)
	return err
}

// replayCmd is "replay".
type replayCmd struct {
	Topic string       `arg:"" help:"Topic to replay."`
	From  uint64       `required:"" placeholder:"SEQ" help:"First stream sequence to read again; status names those that are missing."`
	Where operateFlags `embed:""`
}

// Help is the example shown by "help replay".
func (*replayCmd) Help() string { return example("pst-bridge replay orders --from 120001") }

// Run reads the messages again and writes those that the table does not hold.
func (c *replayCmd) Run(ctx context.Context, std *streams) error {
	return c.Where.operate(ctx, std, true, func(ctx context.Context, b *bridge.Bridge) error {
		show := newProgress(std.err, std.err)
		bar := show.add("replayed", 0)
		done, err := b.Replay(ctx, c.Topic, c.From, func(r bridge.Replayed) { bar.set(int64(r.Messages)) })
		show.close()
		if errors.Is(err, consumer.ErrNotKept) {
			return advise(err, "the messages are gone; `pst-bridge rebind "+c.Topic+" --consumer` goes on without them")
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "%s: %d messages read, %d rows added, %d messages were there already, %d became dead letters\n",
			c.Topic, done.Messages, done.Rows, done.Duplicates, done.DeadLetters)
		return err
	})
}
