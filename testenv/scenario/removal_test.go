package scenario

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// Messages are removed from the stream while a worker holds the first two of ten and
// the others were not delivered yet. What is held becomes rows, what is gone is counted,
// nothing hangs.
func TestMessagesAreRemovedInFlight(t *testing.T) {
	limit := func(change func(*jetstream.StreamConfig)) func(*rig, jetstream.Stream) error {
		return func(r *rig, s jetstream.Stream) error {
			cfg := s.CachedInfo().Config
			cfg.Discard = jetstream.DiscardOld
			change(&cfg)
			_, err := r.js.UpdateStream(t.Context(), cfg)
			return err
		}
	}
	for name, c := range map[string]struct {
		remove func(*rig, jetstream.Stream) error
		left   []int // of 3 to 10
	}{
		"purge":               {func(_ *rig, s jetstream.Stream) error { return s.Purge(t.Context()) }, nil},
		"purge to a sequence": {func(_ *rig, s jetstream.Stream) error { return s.Purge(t.Context(), jetstream.WithPurgeSequence(8)) }, []int{7, 8, 9, 10}},
		"purge of a subject": {func(_ *rig, s jetstream.Stream) error {
			return s.Purge(t.Context(), jetstream.WithPurgeSubject("persisting.t"))
		}, nil},
		"deletion": {func(_ *rig, s jetstream.Stream) error {
			for _, seq := range []uint64{3, 6, 10} {
				if err := s.DeleteMsg(t.Context(), seq); err != nil {
					return err
				}
			}
			return nil
		}, []int{3, 4, 6, 7, 8, 10}},
		"most messages": {limit(func(c *jetstream.StreamConfig) { c.MaxMsgs = 3 }), []int{8, 9, 10}},
		"oldest age": {limit(func(c *jetstream.StreamConfig) {
			c.MaxAge = 100 * time.Millisecond
			c.Duplicates = 100 * time.Millisecond
		}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if _, err := r.js.CreateConsumer(t.Context(), "PERSISTING", jetstream.ConsumerConfig{
				Durable: "pst-bridge-t", FilterSubject: "persisting.t", AckPolicy: jetstream.AckExplicitPolicy,
				AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 2,
			}); err != nil {
				t.Fatal(err)
			}
			r.send("t", `{"n":0}`) // message n has sequence n+1
			r.writeAll()
			var lost atomic.Uint64
			x := r.stall(func(c *bridge.Config) {
				c.Events.Committed = func(_ string, c bridge.Committed) { lost.Add(c.SteppedOver) }
			})
			x.hold(r, "t", `{"n":1}`, `{"n":2}`)
			rows := []string{"[0]", "[1]", "[2]"}
			for n := 3; n <= 10; n++ {
				r.send("t", fmt.Sprintf(`{"n":%d}`, n))
			}
			for _, n := range c.left {
				rows = append(rows, fmt.Sprintf("[%d]", n))
			}
			stream, err := r.js.Stream(t.Context(), "PERSISTING")
			if err == nil {
				err = c.remove(r, stream)
			}
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the messages are gone", func() bool {
				info, err := stream.Info(t.Context())
				return err == nil && info.State.Msgs <= uint64(len(c.left)+1)
			})
			cfg := stream.CachedInfo().Config
			cfg.MaxAge, cfg.MaxMsgs = 0, -1
			if _, err := r.js.UpdateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			x.release()
			for n := 11; n <= 13; n++ { // the floor rises with commits
				r.send("t", fmt.Sprintf(`{"n":%d}`, n))
				rows = append(rows, fmt.Sprintf("[%d]", n))
				r.awaitRows("t", uint64(len(rows)))
				r.awaitAcked("pst-bridge-t")
			}
			x.drain()
			want(t, r.rows("t", "n"), rows...)
			if got, gone := lost.Load(), uint64(8-len(c.left)); got != gone {
				t.Errorf("%d sequences were counted as gone, %d are", got, gone)
			}
		})
	}
}

// Messages that go before the first commit leave a consumer that waits for none of its
// deliveries, as if they were acknowledged, and no table. A worker that had all of them
// knows better, and goes on; any other stops.
func TestPurgeBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	purge := func(r *rig) (ackFloor uint64) {
		t.Helper()
		stream, err := r.js.Stream(t.Context(), "PERSISTING")
		if err == nil {
			err = stream.Purge(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		c, err := stream.Consumer(t.Context(), "pst-bridge-t")
		if err != nil {
			t.Fatal(err)
		}
		return c.CachedInfo().AckFloor.Consumer
	}
	t.Run("delivered", func(t *testing.T) {
		r := newRig(t)
		r.durable("t", time.Hour)
		x := r.stall()
		x.hold(r, "t", `{"n":1}`, `{"n":2}`)
		if floor := purge(r); floor != 2 {
			t.Errorf("the consumer waits from delivery %d on: the test proves nothing", floor+1)
		}
		if got := r.refused("t"); got != "table_missing" {
			t.Errorf("another worker stopped as %q", got)
		}
		x.release()
		r.awaitRows("t", 2)
		x.drain()
		want(t, r.rows("t", "n"), "[1]", "[2]")
	})
	t.Run("not delivered", func(t *testing.T) {
		r := newRig(t)
		r.durable("t", time.Hour)
		r.send("t", `{"n":1}`)
		if floor := purge(r); floor != 0 {
			t.Errorf("the ack floor is %d", floor)
		}
		r.send("t", `{"n":2}`)
		r.writeAll()
		want(t, r.rows("t", "n"), "[2]")
	})
}
