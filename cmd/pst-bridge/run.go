package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/consumer/embedded"
	"github.com/pst-bridge/pst-bridge/sink"
)

// runFlags are the flags of "run", and of "check", which looks whether it would work.
type runFlags struct {
	Storage     string   `env:"PST_STORAGE" default:"./data" placeholder:"DIR" help:"Directory that gets a <topic>.lance each."`
	Topics      []string `env:"PST_TOPICS" placeholder:"TOPIC,..." help:"Topics to write. Without it: all that the stream has, found as they appear."`
	Consumer    string   `env:"PST_CONSUMER" default:"${consumer}" help:"Base name of the durable consumers; all workers of a topic use the same."`
	NATSColumns []string `name:"nats-columns" env:"PST_NATS_COLUMNS" enum:"seq,time,subject,headers,none" default:"seq,time" placeholder:"COLUMN,..." help:"Columns about the message itself, as _nats_<name>: seq, time, subject, headers; none for none."`

	Declared schemaFlags `embed:""`

	BatchSize     int           `group:"Batches" env:"PST_BATCH_SIZE" default:"${batch_size}" placeholder:"ROWS" help:"Rows that make a batch full."`
	BatchBytes    Bytes         `group:"Batches" env:"PST_BATCH_BYTES" default:"${batch_bytes}" placeholder:"SIZE" help:"Bytes of messages that make a batch full."`
	Memory        Bytes         `group:"Batches" env:"PST_MEMORY" default:"${memory}" placeholder:"SIZE" help:"Messages and rows that all topics together may hold; fetching waits when it is used up."`
	FlushInterval time.Duration `group:"Batches" env:"PST_FLUSH_INTERVAL" default:"${flush_interval}" help:"Age that makes a batch full."`
	Compression   string        `group:"Batches" env:"PST_COMPRESSION" enum:"none,zstd,lz4,snappy" default:"none" help:"Compression of pages: none (Lance's own light encodings), zstd, lz4, or snappy (pages lz4, a new stream S2)."`
	Encoders      int           `group:"Batches" env:"PST_ENCODERS" default:"${encoders}" placeholder:"N" help:"Goroutines per topic that encode full batches."`

	Embedded bool   `group:"Embedded server" env:"PST_EMBEDDED" help:"Start a NATS server with JetStream in this process, its store under <storage>/.nats."`
	Listen   string `group:"Embedded server" env:"PST_LISTEN" default:"127.0.0.1:4222" placeholder:"HOST:PORT" help:"Where the embedded server takes clients; port 0 is a free one."`

	WALSyncInterval time.Duration `group:"Embedded server" name:"wal-sync-interval" env:"PST_WAL_SYNC_INTERVAL" default:"1s" help:"How often the embedded server syncs its store to disk; 0: before each acknowledgement to a publisher."`

	HTTP            string        `group:"Process" name:"http" env:"PST_HTTP" default:"127.0.0.1:8225" placeholder:"HOST:PORT" help:"Where /metrics, /healthz and /readyz are served; empty for nowhere."`
	Once            bool          `group:"Process" env:"PST_ONCE" help:"Write all that is in the stream now, then exit 0."`
	ShutdownTimeout time.Duration `group:"Process" env:"PST_SHUTDOWN_TIMEOUT" default:"30s" help:"How long the drain after a first signal may take."`
	WithStdin       bool          `hidden:"" help:"Drain when standard input ends: how the demo's workers follow their parent."`

	Connect connectFlags `embed:""`
	Where   streamFlags  `embed:""`
	Log     logFlags     `embed:""`
}

// runCmd is "run".
type runCmd struct{ runFlags }

// Help is the example shown by "help run".
func (*runCmd) Help() string {
	return example(
		"pst-bridge run --embedded",
		"pst-bridge run --server nats://nats:4222 --storage /data/tables --compression zstd",
	)
}

// Validate refuses combinations that cannot work.
func (c *runFlags) Validate() error {
	switch {
	case c.Embedded && (c.Connect.Server != "" || c.Connect.Context != ""):
		return usagef("--embedded starts a server of its own: leave out --server (NATS_URL) and --context (NATS_CONTEXT)")
	case slices.Contains(c.NATSColumns, "none") && len(c.NATSColumns) > 1:
		return usagef("--nats-columns: none goes with no other")
	case c.WALSyncInterval < 0:
		return usagef("--wal-sync-interval %v: use 0 or a positive duration", c.WALSyncInterval)
	case c.ShutdownTimeout <= 0:
		return usagef("--shutdown-timeout %v: use a positive duration", c.ShutdownTimeout)
	}
	if c.Embedded {
		if _, _, err := c.listenAddress(); err != nil {
			return err
		}
	}
	if err := c.validateNames(); err != nil {
		return err
	}
	if err := c.validateAddresses(); err != nil {
		return err
	}
	cfg := c.bridgeConfig(bridge.Events{})
	if err := cfg.Validate(); err != nil {
		return usagef("%s", oneLine(err.Error()))
	}
	return nil
}

// Run bridges until a signal, or until all is written under --once.
func (c *runCmd) Run(parent context.Context, std *streams) error {
	log := c.Log.logger(std.err)
	var asked <-chan struct{}
	if c.WithStdin {
		asked = endOf(std.in)
	}
	ctx, drain, stop := interrupts(parent, asked, c.ShutdownTimeout)
	defer stop()
	if err := prepareStorage(c.Storage); err != nil {
		return err
	}
	listener, err := listenHTTP(ctx, c.HTTP)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close() // closed by the HTTP server already unless the start fails
	}
	server, err := c.startServer(log)
	if err != nil {
		return err
	}
	if server != nil {
		defer func() {
			if err := server.Shutdown(); err != nil {
				log.Error("stopping the embedded server", "error", err)
			}
		}()
	}
	instance := newInstance()
	conn, err := c.Connect.connect(ctx, inProcess(server), instance, log)
	if err != nil {
		return err
	}
	defer conn.Close()
	streams, err := c.openStreams(ctx, conn, log)
	if err != nil {
		return err
	}
	return c.bridge(ctx, running{conn: conn, streams: streams, instance: instance, listener: listener, drain: drain, log: log})
}

// running is what a started process has at hand.
type running struct {
	conn     *consumer.Conn
	streams  *consumer.Streams
	instance string
	listener net.Listener
	drain    <-chan struct{}
	log      *slog.Logger
}

// bridge runs the bridge, serves HTTP beside it, and passes the drain on.
func (c *runCmd) bridge(ctx context.Context, r running) error {
	seen := &observer{m: newMetrics(readBuild()), log: r.log}
	cfg := c.bridgeConfig(seen.events())
	if err := armFailpoints(&cfg); err != nil {
		return err
	}
	b, err := bridge.New(cfg, r.streams)
	if err != nil {
		return err
	}
	found, err := b.Check(ctx)
	if err != nil {
		return err
	}
	logFindings(r.log, append(c.exposure(r.conn), found...))
	if err := refusal(found, false); err != nil {
		return err
	}
	used := b.Memory
	seen.m.used.Store(&used)
	h := &health{connected: r.conn.Connected, status: b.Status}
	h.alive()
	stopHTTP := serveHTTP(r.listener, h.handler(seen.m), func(err error) { r.log.Error("HTTP server ended", "error", err) })
	defer stopHTTP()
	r.log.Info("running", "stream", r.streams.String(), "storage", c.Storage, "instance", r.instance)

	done := make(chan error, 1) // one: Run's result is taken once
	go func() { done <- b.Run(ctx) }()
	pulse := time.NewTicker(time.Second)
	defer pulse.Stop()
	for {
		select {
		case <-pulse.C:
			b.Status() // a process whose topics cannot answer is not alive
			h.alive()
		case <-r.drain:
			r.drain = nil // once
			r.log.Info("draining: writing and acknowledging what is held")
			b.Drain()
		case err := <-done:
			if n := seen.deadLetters.Load(); n > 0 && c.Once {
				r.log.Warn("some messages became dead letters", "messages", n)
			}
			if cause := context.Cause(ctx); err != nil && cause != nil {
				return advise(cause, "nothing unacknowledged is lost: it is delivered again at the next start")
			}
			return err
		}
	}
}

// bridgeConfig is the bridge package's form of the flags.
func (c *runFlags) bridgeConfig(events bridge.Events) bridge.Config {
	var sync *time.Duration
	if c.Embedded {
		sync = &c.WALSyncInterval
	}
	return bridge.Config{
		SyncInterval:  sync,
		Topics:        c.Topics,
		BatchRows:     c.BatchSize,
		BatchBytes:    int64(c.BatchBytes),
		Memory:        int64(c.Memory),
		FlushInterval: c.FlushInterval,
		Encoders:      c.Encoders,
		Storage:       c.Storage,
		Compression:   pageCompression(c.Compression),
		Columns: bridge.Columns{
			NoSeq: !slices.Contains(c.NATSColumns, "seq"), NoTime: !slices.Contains(c.NATSColumns, "time"),
			Subject: slices.Contains(c.NATSColumns, "subject"), Headers: slices.Contains(c.NATSColumns, "headers"),
		},
		Schemas:      c.Declared.Schema.topics,
		ConsumerName: c.Consumer,
		Provision:    c.Where.Provision,
		Once:         c.Once,
		Version:      readBuild().Version,
		Events:       events,
	}
}

// pageCompression is the page codec of a --compression. Lance has no Snappy.
func pageCompression(name string) sink.Compression {
	switch name {
	case "zstd":
		return sink.Zstd
	case "lz4", "snappy":
		return sink.LZ4
	default:
		return sink.None
	}
}

// openStreams creates or verifies the shared stream, or looks for streams of topics.
func (c *runCmd) openStreams(ctx context.Context, conn *consumer.Conn, log *slog.Logger) (*consumer.Streams, error) {
	want, err := c.Where.config()
	if err != nil {
		return nil, err
	}
	want.Topics = c.Topics
	if c.Compression == "snappy" {
		want.Compressed = true
		log.Info("compression snappy: Lance has no such page codec, so pages are lz4; a new stream is stored with S2, of the same family")
	}
	return conn.EnsureStreams(ctx, want)
}

// listenAddress splits --listen.
func (c *runFlags) listenAddress() (host string, port int, err error) {
	host, text, err := net.SplitHostPort(c.Listen)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, usagef("--listen %q is not HOST:PORT", c.Listen)
	}
	return host, port, nil
}

// startServer starts the embedded server, if it is wanted.
func (c *runCmd) startServer(log *slog.Logger) (*embedded.Server, error) {
	if !c.Embedded {
		return nil, nil
	}
	host, port, err := c.listenAddress()
	if err != nil {
		return nil, err
	}
	server, err := embedded.Start(embedded.Config{
		StoreDir: filepath.Join(c.Storage, ".nats"), Host: host, Port: port,
		Domain: c.Connect.JSDomain, NoSublistCache: true,
		SyncAlways: c.WALSyncInterval == 0, SyncInterval: c.WALSyncInterval, Log: log.With("component", "nats-server"),
	})
	if err != nil {
		return nil, err
	}
	log.Info("embedded server takes clients", "url", server.ClientURL())
	return server, nil
}

// inProcess is server as the connection wants it: nil stays nil.
func inProcess(server *embedded.Server) consumer.InProcess {
	if server == nil {
		return nil
	}
	return server
}

// newInstance names this process at random, never after its host.
func newInstance() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// endOf returns a channel that is closed when in ends. Its goroutine lasts until
// then, which may be as long as the process.
func endOf(in io.Reader) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, in) // however it ends, it has ended
	}()
	return ended
}
