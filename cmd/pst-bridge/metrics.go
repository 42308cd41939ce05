package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// maxTopicLabels bounds the values of the label topic; later topics share one.
const (
	maxTopicLabels = 1000
	otherTopics    = "other"
)

// metrics are the process's metrics, on a registry of their own. It is safe for
// concurrent use.
type metrics struct {
	registry *prometheus.Registry

	records     *prometheus.CounterVec
	buffered    *prometheus.GaugeVec
	flushes     *prometheus.HistogramVec
	walBytes    *prometheus.GaugeVec
	duplicates  *prometheus.CounterVec
	deadLetters *prometheus.CounterVec
	conflicts   *prometheus.CounterVec
	retries     *prometheus.CounterVec
	givenUp     *prometheus.CounterVec
	written     *prometheus.CounterVec
	freshness   *prometheus.GaugeVec
	received    *prometheus.CounterVec
	redelivered *prometheus.CounterVec
	acks        *prometheus.CounterVec
	stopped     *prometheus.GaugeVec
	ledgerBytes *prometheus.GaugeVec
	ledgerRuns  *prometheus.GaugeVec

	used atomic.Pointer[func() (now, most int64)] // asks the bridge for its memory

	mu struct {
		sync.Mutex
		topics map[string]bool // that have a label value of their own
	}
}

// newMetrics makes and registers the metrics.
func newMetrics(b build) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"topic"}, labels...))
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, append([]string{"topic"}, labels...))
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		records:  counter("persisting_records_total", "Rows that this process committed to the table."),
		buffered: gauge("persisting_buffer_size", "Rows received by this process and not yet committed."),
		flushes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                        "persisting_flush_duration_seconds",
			Help:                        "Time from a batch being full to its commit being read back.",
			Buckets:                     prometheus.ExponentialBuckets(0.002, 2, 14), // 2 ms to 16 s
			NativeHistogramBucketFactor: 1.1,
		}, []string{"topic"}),
		walBytes:    gauge("persisting_wal_size_bytes", "The topic's share of the stream's bytes: all of them times its messages over all messages."),
		duplicates:  counter("persisting_duplicates_dropped_total", "Messages delivered here whose rows the table held already."),
		deadLetters: counter("persisting_dead_letters_total", "Messages that this process published to the dead-letter stream, by class of fault.", "class"),
		conflicts:   counter("persisting_commit_conflicts_total", "Commits that lost the race for a table version and were planned again."),
		retries:     counter("persisting_commit_retries_total", "Commits that were tried again because the storage failed."),
		givenUp:     counter("persisting_max_deliveries_total", "Messages that the server gave up because somebody set the consumer's MaxDeliver."),
		written:     counter("persisting_written_bytes_total", "Bytes of data files that this process committed."),
		freshness:   gauge("persisting_freshness_seconds", "Age of the oldest message of the last commit when it was committed."),
		received:    counter("persisting_messages_received_total", "Messages delivered to this process, redeliveries included."),
		redelivered: counter("persisting_redelivered_total", "Messages delivered to this process that had been delivered before."),
		acks:        counter("persisting_acks_total", "Messages acknowledged (result ok), and failures to acknowledge (result error).", "result"),
		stopped:     gauge("persisting_topic_stopped", "1 while the topic is stopped by a contradiction that an operator has to resolve.", "reason"),
		ledgerBytes: gauge("persisting_ledger_bytes", "Size of the topic's ledger in the table's manifest."),
		ledgerRuns:  gauge("persisting_ledger_runs", "Runs of stream sequences in the topic's ledger above its floor."),
	}
	m.mu.topics = map[string]bool{}
	memory := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "persisting_memory_bytes", Help: "Bytes that this process counts for messages and what is made of them: its limit is --memory.",
	}, m.memory)
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "persisting_build_info", Help: "Always 1; the labels say what was built.",
	}, []string{"version", "revision", "goversion"})
	info.WithLabelValues(b.Version, b.Revision, runtime.Version()).Set(1)
	m.registry.MustRegister(m.records, m.buffered, m.flushes, m.walBytes, m.duplicates, m.deadLetters, m.conflicts,
		m.retries, m.givenUp, m.written, m.freshness, m.received, m.redelivered, m.acks, m.stopped, m.ledgerBytes, m.ledgerRuns, info, memory,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// memory is what the bridge holds in memory; 0 as long as nobody said how to ask.
func (m *metrics) memory() float64 {
	if used := m.used.Load(); used != nil {
		now, _ := (*used)()
		return float64(now)
	}
	return 0
}

// label returns the value of the label topic. At a topic's first sight its
// counters start at 0, so that rates see the first increase.
func (m *metrics) label(topic string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.mu.topics[topic]:
		return topic
	case len(m.mu.topics) >= maxTopicLabels:
		return otherTopics
	}
	m.mu.topics[topic] = true
	for _, v := range []*prometheus.CounterVec{m.records, m.duplicates, m.conflicts, m.retries, m.givenUp, m.written, m.received, m.redelivered} {
		v.WithLabelValues(topic)
	}
	for _, v := range []*prometheus.GaugeVec{m.buffered, m.walBytes, m.ledgerBytes, m.ledgerRuns} {
		v.WithLabelValues(topic)
	}
	m.flushes.WithLabelValues(topic)
	for _, result := range []string{ackOK, ackError} {
		m.acks.WithLabelValues(topic, result)
	}
	for _, class := range deadLetterClasses() {
		m.deadLetters.WithLabelValues(topic, class)
	}
	return topic
}
