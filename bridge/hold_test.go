package bridge

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

func message(seq uint64, stored int64) consumer.Message {
	return consumer.Message{Seq: seq, Time: time.Unix(stored, 0), Data: []byte("{}"), Delivered: 1}
}

func TestSecondDeliveryOnlyRenewsTheFirst(t *testing.T) {
	h := newHoldings(10)
	first, _, err := h.add([]consumer.Message{message(1, 1), message(2, 2)})
	if err != nil || len(first) != 2 {
		t.Fatal(first, err)
	}
	again := message(2, 2)
	again.Delivered, again.Data = 2, []byte("ignored")
	fresh, _, err := h.add([]consumer.Message{again, message(3, 3)})
	if err != nil || len(fresh) != 1 || fresh[0].Seq != 3 {
		t.Fatal(fresh, err)
	}
	if got := h.deliveries(first)[1]; got.Delivered != 2 || string(first[1].Data) != "{}" || first[1].Delivered != 1 {
		t.Errorf("the newer delivery was not kept for the ack, or replaced the payload: %+v", got)
	}
}

func TestOneSequenceWithTwoTimesStops(t *testing.T) {
	h := newHoldings(10)
	if _, _, err := h.add([]consumer.Message{message(1, 1)}); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.add([]consumer.Message{message(1, 5)})
	var stop *sink.StopError
	if !errors.As(err, &stop) || stop.Reason != sink.StreamRewound {
		t.Fatalf("got %v", err)
	}
}

func TestLowestOutsideABatch(t *testing.T) {
	h := newHoldings(10)
	a, _, _ := h.add([]consumer.Message{message(5, 1), message(7, 1)})
	h.claim(&batch{msgs: a})
	b, _, _ := h.add([]consumer.Message{message(6, 1), message(9, 1)})
	mine := a[0].batch
	if low := h.lowestOutside(mine); low != 6 {
		t.Errorf("lowest outside is %d, want 6", low)
	}
	h.release(b)
	if low := h.lowestOutside(mine); low != 0 {
		t.Errorf("lowest outside is %d, want none", low)
	}
}

func TestRoomWaitsForARelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHoldings(2)
		msgs, _, _ := h.add([]consumer.Message{message(1, 1), message(2, 1)})
		got := make(chan int)
		go func() {
			n, _ := h.room(context.Background())
			got <- n
		}()
		synctest.Wait()
		select {
		case n := <-got:
			t.Fatalf("room for %d in full holdings", n)
		default:
		}
		h.release(msgs[:1])
		if n := <-got; n != 1 {
			t.Errorf("room for %d, want 1", n)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		h.add([]consumer.Message{message(3, 1)})
		cancel(errDrain)
		if _, err := h.room(ctx); !errors.Is(err, errDrain) {
			t.Errorf("room of a cancelled wait: %v", err)
		}
	})
}

func TestRoll(t *testing.T) {
	r := roll{rows: 10, bytes: 100, messages: 5, age: time.Second}
	for _, c := range []struct {
		rows     int
		bytes    int64
		messages int
		want     string
	}{{9, 99, 4, ""}, {10, 0, 1, RollRows}, {0, 100, 1, RollBytes}, {1, 1, 5, RollMessages}, {10, 100, 5, RollRows}} {
		if got := r.full(c.rows, c.bytes, c.messages); got != c.want {
			t.Errorf("full(%d, %d, %d) = %q, want %q", c.rows, c.bytes, c.messages, got, c.want)
		}
	}
}
