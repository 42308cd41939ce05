package bridge

import (
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
)

// Defaults of Config.
const (
	DefaultBatchRows     = 10_000          // a fragment worth a page per column, well inside MaxAckPending
	DefaultBatchBytes    = 16 << 20        // raw message bytes; bounds memory for large messages
	DefaultFlushInterval = time.Second     // how stale the table may be when traffic is thin
	DefaultMemory        = 256 << 20       // of messages and rows in all; the process takes about as much again
	MinMemory            = 4 << 20         // below it a pull and a batch do not fit beside each other
	DefaultEncoders      = 1               // one core encodes several times what a server delivers
	DefaultDiscovery     = 2 * time.Second // how often new topics are looked for
	MaxBatchRows         = 10_000_000      // beyond it a batch could not be held in memory
)

// Config says what one process does. The zero value of each field is its default.
type Config struct {
	// Topics that run here; empty means all the stream has, discovered as they appear.
	Topics []string
	// BatchRows, BatchBytes (of raw messages) and FlushInterval seal a batch, whichever is reached first.
	BatchRows     int
	BatchBytes    int64
	FlushInterval time.Duration
	// Memory bounds what all topics together hold: raw messages, Arrow data, pages under
	// way. Fetching waits when it is used up.
	Memory int64
	// Encoders is the number of goroutines per topic that encode sealed batches.
	Encoders int
	// Storage is the directory that gets one <topic>.lance each.
	Storage string
	// Open, unless nil, opens what a table lives on in place of a directory; see sink.Config.
	Open func(dir string, create bool) (sink.Store, error)
	// Compression of pages.
	Compression sink.Compression
	// Columns switches the _nats_ columns.
	Columns Columns
	// Schemas are the declared columns by topic; AnyTopic is for those that it does not name.
	Schemas map[string]*schema.Declaration
	// ConsumerName is the base of the durable consumers' names; each topic's is derived from it.
	ConsumerName string
	// Provision allows creating consumers and the dead-letter stream.
	Provision bool
	// Once makes Run return nil when all that the stream held at the start is committed and acked.
	Once bool
	// SyncInterval is how often the server syncs its store, where that is known; 0: before
	// each acknowledgement.
	SyncInterval *time.Duration
	// Lease is how long a worker that rewrites columns is waited for after its last sign of
	// life; 0: 30 s.
	Lease time.Duration
	// Version of this program, for the manifests it writes.
	Version string
	// Events are the hooks to call.
	Events Events
}

// Columns switches the columns that the bridge itself adds to each row. The zero
// value is the default: sequence and time, not subject and headers.
type Columns struct {
	NoSeq   bool // leave out _nats_seq, the stream sequence
	NoTime  bool // leave out _nats_time, the stream's store time
	Subject bool // add _nats_subject
	Headers bool // add _nats_headers, a JSON object of arrays
}

// Validate reports everything that is wrong with c at once, defaults applied.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.BatchRows < 0 || c.BatchRows > MaxBatchRows {
		bad("batch size %d rows: use 1 to %d", c.BatchRows, MaxBatchRows)
	}
	if c.BatchBytes < 0 {
		bad("batch bytes %d: use a positive number", c.BatchBytes)
	}
	if c.Memory != 0 && c.Memory < MinMemory {
		bad("memory %d bytes: use at least %d MiB", c.Memory, MinMemory>>20)
	}
	if c.FlushInterval < 0 {
		bad("flush interval %v: use a positive duration", c.FlushInterval)
	}
	if c.Encoders < 0 || c.Encoders > 64 {
		bad("encoders %d: use 1 to 64", c.Encoders)
	}
	if c.Storage == "" {
		bad("storage is not set: name a directory")
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.BatchRows == 0 {
		c.BatchRows = DefaultBatchRows
	}
	if c.BatchBytes == 0 {
		c.BatchBytes = DefaultBatchBytes
	}
	if c.FlushInterval == 0 {
		c.FlushInterval = DefaultFlushInterval
	}
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	if c.Encoders == 0 {
		c.Encoders = DefaultEncoders
	}
	if c.ConsumerName == "" {
		c.ConsumerName = consumer.DefaultConsumer
	}
	return c
}

func (c Columns) options() decode.Options {
	return decode.Options{Seq: !c.NoSeq, Time: !c.NoTime, Subject: c.Subject, Headers: c.Headers, Holds: sink.Holds}
}
