package bridge

import (
	"errors"
	"testing"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// Why a message is a dead letter that the ledger has as one is asked of the message
// itself; where it says nothing, that of the ledger stands.
func TestReasonsOfPendingDeadLetters(t *testing.T) {
	s, err := sink.Open(t.Context(), sink.Config{Storage: t.TempDir(), Topic: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	p := &pipeline{sink: s}
	p.decode.Seq = true
	message := func(seq uint64, payload string) *held {
		return &held{Message: consumer.Message{Seq: seq, Subject: "persisting.t", Data: []byte(payload)}}
	}
	b := &batch{msgs: []*held{message(1, `{"n":1}`), message(2, `bad`), message(3, `bad`), message(4, `{"n":2}`), message(5, `bad`)}}
	b.msgs[3].condemned = &sink.Rejection{Seq: 4, Class: ClassKillsWorker, Reason: "it does"}
	recorded := func(seq uint64) sink.Rejection {
		return sink.Rejection{Seq: seq, Class: sink.ClassPending, Reason: "recorded"}
	}
	got, err := p.rejections(b, &sink.Result{Pending: []sink.Rejection{
		recorded(1), recorded(2), {Seq: 3, Class: "type", Reason: "of this delivery"}, recorded(3), recorded(4),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for seq, class := range map[uint64]string{1: sink.ClassPending, 2: "parse", 3: "type", 4: ClassKillsWorker} {
		if r := got[seq]; r.Class != class || r.Reason == "" || r.Seq != seq {
			t.Errorf("message %d: %+v, want class %s", seq, r, class)
		}
	}
	if len(got) != 4 {
		t.Errorf("%v", got)
	}
}
