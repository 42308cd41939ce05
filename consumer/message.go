package consumer

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Message is one delivery of one stream message. Data and Header belong to the
// receiver. A copy may drop them (set them to nil) and can still be acknowledged.
type Message struct {
	Seq         uint64              // sequence in the stream
	ConsumerSeq uint64              // sequence of this delivery in the consumer
	Time        time.Time           // when the stream stored it
	Delivered   uint64              // how often it was delivered, this time included; 1 at first
	Subject     string              // the subject it was published to
	Header      map[string][]string // nil if there are none; names keep their case
	Data        []byte
	reply       string
}

// ErrNotJetStream is wrapped by the error for a delivery without the metadata
// JetStream puts into the reply subject.
var ErrNotJetStream = errors.New("not a JetStream delivery")

const ackPrefix = "$JS.ACK."

// Tokens of an acknowledgement subject (server v2.15, ADR-15). v1:
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
//
// v2 puts <domain>.<account hash> before the stream and may add tokens at the
// end: 11 or more in all.
const (
	ackTokensV1    = 9
	ackTokensV2Min = 11
	ackMaxTokens   = 16
)

// delivery is the metadata in an acknowledgement subject.
type delivery struct {
	delivered, seq, consumerSeq, pending uint64
	time                                 time.Time
}

// parseDelivery reads the metadata of an acknowledgement subject. It allocates
// nothing unless it fails.
func parseDelivery(reply string) (delivery, error) {
	if !strings.HasPrefix(reply, ackPrefix) {
		return delivery{}, fmt.Errorf("reply subject %.80q: %w", reply, ErrNotJetStream)
	}
	var tokens [ackMaxTokens]string
	n, rest, more := 0, reply, true
	for more && n < ackMaxTokens {
		tokens[n], rest, more = strings.Cut(rest, ".")
		n++
	}
	at := 4 // index of <delivered> in v1
	switch {
	case n == ackTokensV1:
	case n >= ackTokensV2Min:
		at += 2
	default:
		return delivery{}, fmt.Errorf("reply subject %.80q has %d tokens: %w", reply, n, ErrNotJetStream)
	}
	var v [5]uint64
	for i := range v {
		x, ok := parseDecimal(tokens[at+i])
		if !ok {
			return delivery{}, fmt.Errorf("reply subject %.80q: token %d is no number: %w", reply, at+i+1, ErrNotJetStream)
		}
		v[i] = x
	}
	if v[3] > math.MaxInt64 {
		return delivery{}, fmt.Errorf("reply subject %.80q: time %d is beyond any: %w", reply, v[3], ErrNotJetStream)
	}
	return delivery{
		delivered: v[0], seq: v[1], consumerSeq: v[2], pending: v[4],
		time: time.Unix(0, int64(v[3])).UTC(),
	}, nil
}

// parseDecimal reads an unsigned decimal that fits a uint64.
func parseDecimal(s string) (uint64, bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		d := uint64(s[i] - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// newMessage turns a delivery into a Message that shares its memory.
func newMessage(m *nats.Msg) (Message, error) {
	d, err := parseDelivery(m.Reply)
	if err != nil {
		return Message{}, err
	}
	return Message{
		Seq: d.seq, ConsumerSeq: d.consumerSeq, Time: d.time, Delivered: d.delivered,
		Subject: m.Subject, Header: m.Header, Data: m.Data, reply: m.Reply,
	}, nil
}
