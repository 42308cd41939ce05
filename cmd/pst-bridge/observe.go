package main

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/schema/decode"
)

// Values of the label result of acknowledgements.
const (
	ackOK    = "ok"
	ackError = "error"
)

// deadLetterClasses are the classes known beforehand.
func deadLetterClasses() []string {
	return []string{
		decode.ClassFormat, decode.ClassParse, decode.ClassType, decode.ClassLimit,
		decode.ClassReserved, decode.ClassRequired, decode.ClassUndeclared, decode.ClassPanic, bridge.ClassKillsWorker,
	}
}

// observer turns the bridge's events into metrics and log lines.
type observer struct {
	m           *metrics
	log         *slog.Logger
	deadLetters atomic.Int64
}

// events are the hooks for a bridge.Config.
func (o *observer) events() bridge.Events {
	return bridge.Events{
		Fetched:       o.fetched,
		GivenUp:       o.givenUp,
		Suspected:     o.suspected,
		Buffered:      func(topic string, rows int64) { o.m.buffered.WithLabelValues(o.m.label(topic)).Set(float64(rows)) },
		Committed:     o.committed,
		Conflict:      o.conflict,
		CommitRetried: o.commitRetried,
		Unknown:       o.unknown,
		Acked:         o.acked,
		DeadLettered:  o.deadLettered,
		State:         o.state,
		Lag: func(topic string, l bridge.Lag) {
			o.m.walBytes.WithLabelValues(o.m.label(topic)).Set(float64(l.WALBytes))
		},
	}
}

func (o *observer) fetched(topic string, f bridge.Fetched) {
	label := o.m.label(topic)
	o.m.received.WithLabelValues(label).Add(float64(f.Messages))
	o.m.redelivered.WithLabelValues(label).Add(float64(f.Redelivered))
}

func (o *observer) givenUp(topic string, seq, deliveries uint64) {
	o.m.givenUp.WithLabelValues(o.m.label(topic)).Inc()
	o.log.Error("the server gave a message up, because the consumer has a MaxDeliver: it stays in the stream; unset it, then `pst-bridge rebind` a new consumer",
		"topic", topic, "seq", seq, "deliveries", deliveries)
}

func (o *observer) suspected(topic string, s bridge.Suspected) {
	switch {
	case s.Condemned:
		o.log.Error("message ends the processes that work on it and becomes a dead letter", "topic", topic, "seq", s.Seqs[0], "deaths", s.Deaths)
	case s.Deaths > 0:
		o.log.Warn("processes died over messages, they are tried by themselves", "topic", topic, "seqs", s.Seqs, "deaths", s.Deaths)
	default:
		o.log.Info("messages were delivered often and are tried by themselves", "topic", topic, "messages", len(s.Seqs), "first", s.Seqs[0])
	}
}

func (o *observer) committed(topic string, c bridge.Committed) {
	label := o.m.label(topic)
	o.m.records.WithLabelValues(label).Add(float64(c.Rows))
	o.m.duplicates.WithLabelValues(label).Add(float64(c.Duplicates))
	o.m.written.WithLabelValues(label).Add(float64(c.Bytes))
	o.m.flushes.WithLabelValues(label).Observe(c.Flush.Seconds())
	o.m.ledgerBytes.WithLabelValues(label).Set(float64(c.LedgerBytes))
	o.m.ledgerRuns.WithLabelValues(label).Set(float64(c.LedgerRuns))
	if !c.Oldest.IsZero() {
		o.m.freshness.WithLabelValues(label).Set(max(0, time.Since(c.Oldest).Seconds()))
	}
	if len(c.NewColumns) > 0 {
		o.log.Info("columns added", "topic", topic, "columns", c.NewColumns, "version", c.Version)
	}
	if len(c.Widened) > 0 {
		o.log.Info("columns widened", "topic", topic, "columns", c.Widened, "version", c.Version)
	}
	if c.SteppedOver > 0 {
		o.log.Debug("the ledger's floor passed sequences of other topics, or deleted ones", "topic", topic, "sequences", c.SteppedOver)
	}
	o.log.Debug("committed", "topic", topic, "version", c.Version, "rows", c.Rows, "messages", c.Messages,
		"duplicates", c.Duplicates, "bytes", c.Bytes, "sealedBy", c.Reason, "took", c.Flush,
		"ledgerBytes", c.LedgerBytes, "ledgerRuns", c.LedgerRuns)
}

func (o *observer) conflict(topic string, version uint64) {
	o.m.conflicts.WithLabelValues(o.m.label(topic)).Inc()
	o.log.Debug("another writer took the version, planning again", "topic", topic, "version", version)
}

func (o *observer) unknown(topic string, version uint64, err error) {
	o.log.Warn("the storage cannot say whether a version was published, reading will tell", "topic", topic, "version", version, "error", err)
}

func (o *observer) commitRetried(topic string, err error) {
	o.m.retries.WithLabelValues(o.m.label(topic)).Inc()
	o.log.Debug("the storage fails, the commit is tried again", "topic", topic, "error", err)
}

func (o *observer) acked(topic string, messages int, err error) {
	label := o.m.label(topic)
	o.m.acks.WithLabelValues(label, ackOK).Add(float64(messages))
	if err != nil {
		o.m.acks.WithLabelValues(label, ackError).Inc()
		o.log.Warn("messages were not acknowledged; they come again and are dropped as duplicates", "topic", topic, "error", err)
	}
}

func (o *observer) deadLettered(topic string, d bridge.DeadLettered) {
	label := o.m.label(topic)
	if d.Err != nil {
		o.log.Warn("dead letter was not published; it comes again", "topic", topic, "seq", d.Seq, "class", d.Class, "error", d.Err)
		return
	}
	o.deadLetters.Add(1)
	o.m.deadLetters.WithLabelValues(label, d.Class).Inc()
	o.log.Warn("message became a dead letter", "topic", topic, "seq", d.Seq, "class", d.Class, "reason", d.Reason)
}

func (o *observer) state(topic string, s bridge.TopicState) {
	label := o.m.label(topic)
	o.m.stopped.DeletePartialMatch(map[string]string{"topic": label})
	switch s.Phase {
	case bridge.PhaseStopped:
		o.m.stopped.WithLabelValues(label, s.Reason).Set(1)
		o.log.Error("topic stopped", "topic", topic, "reason", s.Reason, "error", s.Err)
	case bridge.PhaseRetrying:
		o.log.Warn("topic failed; it is tried again", "topic", topic, "error", s.Err)
	default:
		o.log.Info("topic "+string(s.Phase), "topic", topic)
	}
}
