package consumer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/internal/escape"
)

// FuzzParseDelivery reads arbitrary reply subjects. One that is taken is, token for
// token, what the server wrote: written again from the metadata it reads as the same.
func FuzzParseDelivery(f *testing.F) {
	for _, s := range []string{
		"$JS.ACK.PERSISTING.pst-bridge-demo.3.44.55.1700000000123456789.7",
		"$JS.ACK.hub.hash.PERSISTING.pst-bridge-demo.3.44.55.1700000000123456789.7.random",
		"$JS.ACK.S.C.1.18446744073709551616.3.4.5", "$JS.ACK.........", "$JS.ACK." + strings.Repeat("1.", 30), "_INBOX.x",
		"$JS.ACK.S.C.1.2.3.18446744073709551615.5",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		d, err := parseDelivery(reply)
		if err != nil {
			if !errors.Is(err, ErrNotJetStream) || d != (delivery{}) {
				t.Fatalf("%q: %v, %+v", reply, err, d)
			}
			return
		}
		v1 := fmt.Sprintf("$JS.ACK.S.C.%d.%d.%d.%d.%d", d.delivered, d.seq, d.consumerSeq, d.time.UnixNano(), d.pending)
		v2 := strings.Replace(v1, "$JS.ACK.", "$JS.ACK._.hash.", 1) + ".random"
		for _, again := range []string{v1, v2} {
			if back, err := parseDelivery(again); err != nil || back != d {
				t.Fatalf("%q was read as %+v, which reads as %+v, %v", reply, d, back, err)
			}
		}
		tokens := strings.Split(reply, ".")
		at := 4
		if len(tokens) != ackTokensV1 {
			at = 6
		}
		if got := strings.TrimLeft(tokens[at+1], "0"); got != strings.TrimLeft(fmt.Sprint(d.seq), "0") {
			t.Fatalf("%q: sequence %d", reply, d.seq)
		}
	})
}

// FuzzTopic maps arbitrary topics to a subject and a consumer's name. What is taken
// makes a subject without wildcards, and a name of one token that tells the topic.
func FuzzTopic(f *testing.F) {
	for _, s := range []string{"a", "a.b", "a..b", ".a", "*", ">", "a b", "\u00e9", strings.Repeat("x", 300), "a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		if CheckTopic(topic) != nil {
			return
		}
		for token := range strings.SplitSeq(topic, ".") {
			if token == "" || token == "*" || token == ">" || strings.ContainsAny(token, " \t\r\n\x00\x7f") {
				t.Fatalf("topic %q was taken", topic)
			}
		}
		name, err := ConsumerName(DefaultConsumer, topic)
		if err != nil {
			return
		}
		if strings.ContainsAny(name, ".*> \t\r\n\x00/\\") || len(name) > MaxNameLength {
			t.Fatalf("topic %q has the consumer %q", topic, name)
		}
		if back := escape.Undo(strings.TrimPrefix(name, DefaultConsumer+"-")); back != topic {
			t.Fatalf("topic %q has the consumer %q, which reads as that of %q", topic, name, back)
		}
	})
}
