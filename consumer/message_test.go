package consumer

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestParseDelivery(t *testing.T) {
	want := delivery{delivered: 3, seq: 44, consumerSeq: 55, pending: 7, time: time.Unix(0, 1700000000123456789).UTC()}
	for _, reply := range []string{
		"$JS.ACK.PERSISTING.pst-bridge-demo.3.44.55.1700000000123456789.7",
		"$JS.ACK._.hash.PERSISTING.pst-bridge-demo.3.44.55.1700000000123456789.7",
		"$JS.ACK.hub.hash.PERSISTING.pst-bridge-demo.3.44.55.1700000000123456789.7.random",
		"$JS.ACK.hub.hash.PERSISTING.pst-bridge-demo.3.44.55.1700000000123456789.7.random.more.and.more.tokens.to.come",
	} {
		got, err := parseDelivery(reply)
		if err != nil || got != want {
			t.Errorf("parseDelivery(%q) = %+v, %v", reply, got, err)
		}
	}
}

func TestParseDeliveryRefuses(t *testing.T) {
	for _, reply := range []string{
		"",
		"_INBOX.abc.1",
		"$JS.ACK.",
		"$JS.ACK.S.C.1.2.3.4",
		"$JS.ACK.S.C.1.2.3.4.5.6",
		"$JS.ACK.S.C.1.2.3.4.x",
		"$JS.ACK.S.C.1.-2.3.4.5",
		"$JS.ACK.S.C.1..3.4.5",
		"$JS.ACK.S.C.1.18446744073709551616.3.4.5",
		"$JS.ACK.S.C.1.99999999999999999999999.3.4.5",
		"$JS.ACK.S.C.1.2.3.9223372036854775808.5", // a time that 64 bits with a sign do not hold
	} {
		if d, err := parseDelivery(reply); !errors.Is(err, ErrNotJetStream) {
			t.Errorf("parseDelivery(%q) = %+v, %v", reply, d, err)
		}
	}
	if n, ok := parseDecimal("18446744073709551615"); !ok || n != 1<<64-1 {
		t.Errorf("largest uint64 became %d, %v", n, ok)
	}
}

func TestParseDeliveryAllocatesNothing(t *testing.T) {
	const reply = "$JS.ACK.PERSISTING.pst-bridge-demo.3.44.55.1700000000123456789.7"
	if n := testing.AllocsPerRun(100, func() {
		if _, err := parseDelivery(reply); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is fatal must not be taken for the end of a pull, and the other way round.
func TestEndOf(t *testing.T) {
	for _, c := range []struct{ code, text, want string }{
		{"100", "Idle Heartbeat", ""},
		{"404", "No Messages", endDrained},
		{"408", "Request Timeout", endDrained},
		{"408", "Requests Pending", endPending},
		{"408", "Interest Expired", endDrained},
		{"409", "Message Size Exceeds MaxBytes", endTooLarge},
		{"409", "Batch Completed", endFilled},
		{"409", "Consumer Deleted", endNoSuch},
		{"409", "Leadership Change", endLeader},
		{"409", "Server Shutdown", endLeader},
		{"409", "Exceeded MaxWaiting", endWaiting},
		{"409", "Consumer is push based", endRefused},
		{"409", "Exceeded MaxRequestBatch of 5", endRefused},
		{"503", "", endNobody},
		{"400", "Bad Request", endRefused},
		{"423", "Nats-Pin-Id mismatch", endRefused},
	} {
		if got := endOf(c.code, c.text); got != c.want {
			t.Errorf("endOf(%s, %q) = %q, want %q", c.code, c.text, got, c.want)
		}
	}
}

func TestVerifyConsumerNamesEachFault(t *testing.T) {
	good := jetstream.ConsumerConfig{
		Durable: "d", AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		MaxDeliver: -1, FilterSubject: "p.a",
	}
	if err := verifyConsumer(good, "d", "p.a"); err != nil {
		t.Error(err)
	}
	good.FilterSubject, good.FilterSubjects = "", []string{"p.a"}
	if err := verifyConsumer(good, "d", "p.a"); err != nil {
		t.Error(err)
	}
	if err := verifyConsumer(good, "d", "p.b"); !errors.Is(err, ErrUnusable) {
		t.Error(err)
	}
}
