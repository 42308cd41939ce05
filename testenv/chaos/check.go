//go:build unix

package main

import (
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// check holds the table and the dead letters against the history: each acknowledged
// message is in exactly one of them, once, with its values. It knows nothing of the
// ledger.
func (w *world) check(truth *history) {
	ref := lanceref.Start(w.h).Table(filepath.Join(w.storage, topic+".lance"))
	if err := ref.Validate(); err != nil {
		w.h.Errorf("the reference finds the table invalid: %v", err)
	}
	seen := map[uint64]int{}
	w.rows(ref, truth, seen)
	w.deadLetters(truth, seen)
	for seq, m := range truth.bySeq {
		if seen[seq] == 0 {
			w.figures.Lost++
			w.complain("lost: sequence %d, message %d of publisher %d (no JSON: %t)", seq, m.count, m.publisher, m.bad())
		}
	}
	w.figures.Published = len(truth.bySeq)
	w.versions(ref)
}

// complain reports the first of many.
func (w *world) complain(format string, args ...any) {
	if w.figures.Lost+w.figures.Twice+w.figures.Strange+w.figures.Wrong <= 10 {
		w.h.Errorf(format, args...)
	}
}

func (w *world) rows(ref *lanceref.Table, truth *history, seen map[uint64]int) {
	table, err := ref.Read(lanceref.ReadOptions{Columns: []string{"_nats_seq", "p", "c", "text"}})
	if err != nil {
		w.h.Fatal(err)
	}
	defer table.Release()
	reader := array.NewTableReader(table, 0)
	defer reader.Release()
	for reader.Next() {
		rec := reader.Record()
		seqs, p := rec.Column(0).(*array.Uint64), rec.Column(1).(*array.Int64)
		c, text := rec.Column(2).(*array.Int64), rec.Column(3).(*array.String)
		for i := range int(rec.NumRows()) {
			if seqs.IsNull(i) {
				continue // the reference's own
			}
			w.figures.Rows++
			m, ok := truth.bySeq[seqs.Value(i)]
			seen[seqs.Value(i)]++
			switch {
			case !ok || m.bad():
				w.figures.Strange++
				w.complain("a row of sequence %d, of which nobody knows", seqs.Value(i))
			case seen[seqs.Value(i)] > 1:
				w.figures.Twice++
				w.complain("twice: sequence %d", seqs.Value(i))
			case int(p.Value(i)) != m.publisher || int(c.Value(i)) != m.count || text.Value(i) != m.text():
				w.figures.Wrong++
				w.complain("sequence %d is message %d of publisher %d, published was %+v", seqs.Value(i), c.Value(i), p.Value(i), m)
			}
		}
	}
}

func (w *world) deadLetters(truth *history, seen map[uint64]int) {
	conn, err := consumer.Connect(w.h.ctx, consumer.Config{Servers: w.urls})
	if err != nil {
		w.h.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.EnsureStream(w.h.ctx, consumer.StreamConfig{})
	if err != nil {
		w.h.Fatal(err)
	}
	dead, err := consumer.Shared(stream).EnsureDeadLetters(w.h.ctx, consumer.DeadLetterConfig{})
	if err != nil {
		w.h.Fatal(err)
	}
	for l, err := range dead.List(w.h.ctx, topic) {
		if err != nil {
			w.h.Fatal(err)
		}
		w.figures.DeadLetters++
		m, ok := truth.bySeq[l.Sequence]
		seen[l.Sequence]++
		switch {
		case !ok, !m.bad():
			w.figures.Strange++
			w.complain("dead letter of sequence %d (%s: %s), which is none", l.Sequence, l.Class, l.Reason)
		case seen[l.Sequence] > 1:
			w.figures.Twice++
			w.complain("twice: dead letter of sequence %d", l.Sequence)
		case string(l.Data) != string(m.payload()):
			w.figures.Wrong++
			w.complain("dead letter of sequence %d has another payload", l.Sequence)
		}
	}
}

// versions opens and counts every version with the reference: none may be broken, and
// rows only grow.
func (w *world) versions(ref *lanceref.Table) {
	all, err := ref.Versions()
	if err != nil {
		w.h.Fatal(err)
	}
	last := uint64(0)
	for _, v := range all {
		n, err := ref.At(v.Version).Count("")
		if err != nil {
			w.h.Errorf("version %d: %v", v.Version, err)
			continue
		}
		if n < last {
			w.h.Errorf("version %d has %d rows, the one before has %d", v.Version, n, last)
		}
		last = n
		w.figures.Versions++
	}
}
