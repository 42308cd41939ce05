package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/consumer/embedded"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
)

const (
	demoTopic = "demo"
	// demoMarker is the file that tells a demo's folder from anything worth keeping.
	demoMarker = ".pst-demo"
	// demoKillAt is the share of records committed at which a worker is killed.
	demoKillAt = 0.4
	// demoPoll is how often the table is looked at for progress.
	demoPoll = 50 * time.Millisecond
	// demoStall is how long the table may stand still before the demo gives up; the
	// killed worker's messages come again after consumer.DefaultAckWait.
	demoStall = 40 * time.Second
)

// demoCmd is "demo".
type demoCmd struct {
	Storage string `env:"PST_DEMO_STORAGE" default:"./pst-demo" placeholder:"DIR" help:"Folder for the demo: missing, empty, or an earlier demo's, which is replaced."`
	Records int64  `env:"PST_DEMO_RECORDS" default:"100000" placeholder:"N" help:"Records to publish."`
	JSON    bool   `help:"Print the result as JSON."`
}

// Help is the example shown by "help demo".
func (*demoCmd) Help() string { return example("pst-bridge demo --records 20000") }

// Validate refuses a demo of nothing.
func (c *demoCmd) Validate() error {
	if c.Records < 1 || c.Records > 10_000_000 {
		return usagef("--records %d: use 1 to 10000000", c.Records)
	}
	return nil
}

// Run plays the demo. It fails unless the table is exact.
func (c *demoCmd) Run(parent context.Context, std *streams) error {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	defer stop()
	storage, err := filepath.Abs(c.Storage)
	if err != nil {
		return err
	}
	if err := prepareDemo(storage); err != nil {
		return err
	}
	res, err := c.play(ctx, storage, std.err)
	if ctx.Err() != nil {
		return advise(errInterrupted, "run the demo again; it replaces what is in "+storage)
	}
	if err != nil {
		return err
	}
	if err := c.print(std.out, res); err != nil {
		return err
	}
	if !res.Exact {
		return fmt.Errorf("the table is not exact; what is left is in %s", storage)
	}
	return nil
}

// demoResult is what the demo came to.
type demoResult struct {
	verdict
	Published int64   `json:"published"`
	Exact     bool    `json:"exact"`
	KilledAt  int64   `json:"killed_at"`       // rows in the table when the worker was killed
	Seconds   float64 `json:"seconds"`         // from the first publish to the last row in the table
	Rate      float64 `json:"rows_per_second"` // from the first publish to the kill, starting the workers included
	Table     string  `json:"table"`
}

// play runs server, publisher and workers until the table has every record, and
// checks it.
func (c *demoCmd) play(ctx context.Context, storage string, out io.Writer) (res demoResult, err error) {
	server, err := embedded.Start(embedded.Config{StoreDir: filepath.Join(storage, ".nats"), NoSublistCache: true})
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, server.Shutdown()) }()
	conn, err := consumer.Connect(ctx, consumer.Config{InProcess: server, Instance: "demo"})
	if err != nil {
		return res, err
	}
	defer conn.Close()
	stream, err := conn.EnsureStream(ctx, consumer.StreamConfig{Topics: []string{demoTopic}, Provision: true})
	if err != nil {
		return res, err
	}
	name, err := sink.TableName(demoTopic)
	if err != nil {
		return res, err
	}
	s := &stage{
		records: c.Records, server: server.ClientURL(), storage: storage, logs: filepath.Join(storage, demoMarker),
		table: filepath.Join(storage, name+sink.TableSuffix), show: newProgress(out, out),
	}
	began := time.Now()
	h, err := s.perform(ctx, conn, stream)
	s.show.close()
	if err != nil {
		return res, err
	}
	res = demoResult{Published: c.Records, KilledAt: s.killedAt, Seconds: s.complete.Sub(began).Seconds(), Table: s.table}
	res.Rate = float64(s.killedAt) / s.killed.Sub(began).Seconds()
	res.verdict, err = checkTable(ctx, s.table, h)
	res.Exact = res.exact(c.Records)
	return res, err
}

// stage is what the demo is played on. It is used by one goroutine.
type stage struct {
	records  int64
	server   string
	storage  string
	logs     string
	table    string
	show     *progress
	workers  []*worker
	killedAt int64     // rows in the table when a worker was killed
	killed   time.Time // when
	complete time.Time // when the table was first seen with every record
}

// perform publishes the records while two workers write them; one is killed
// midway and replaced. It returns when the table has all and the workers are done.
func (s *stage) perform(ctx context.Context, conn *consumer.Conn, stream *consumer.Stream) (h *history, err error) {
	defer func() {
		for _, w := range s.workers {
			w.kill() // those that drained have ended already
		}
	}()
	for _, name := range []string{"worker-1", "worker-2"} {
		if err := s.start(ctx, name); err != nil {
			return nil, err
		}
	}
	playing, end := context.WithCancelCause(ctx)
	var acked atomic.Int64
	published := make(chan struct{})
	go func() {
		defer close(published)
		var err error
		if h, err = publishRecords(playing, conn.JetStream(), stream.Subject(demoTopic), s.records, &acked); err != nil {
			end(err)
		}
	}()
	err = s.watch(playing, &acked)
	end(err)
	<-published
	if err != nil {
		return nil, err
	}
	for _, w := range s.workers {
		err = errors.Join(err, w.drain())
	}
	s.workers = nil
	return h, err
}

// start adds a worker.
func (s *stage) start(ctx context.Context, name string) error {
	w, err := startWorker(ctx, name, s.server, s.storage, s.logs)
	if err == nil {
		s.workers = append(s.workers, w)
	}
	return err
}

// watch follows the table until it has every record or stands still, and kills
// and replaces a worker on the way.
func (s *stage) watch(ctx context.Context, acked *atomic.Int64) error {
	published, committed := s.show.add("published", s.records), s.show.add("committed", s.records)
	tick := time.NewTicker(demoPoll)
	defer tick.Stop()
	var rows int64
	moved := time.Now()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		published.set(acked.Load())
		now, err := tableRows(ctx, s.table)
		if err != nil {
			return err
		}
		if now != rows {
			rows, moved = now, time.Now()
		}
		committed.set(rows)
		switch {
		case s.killedAt == 0 && rows > 0 && float64(rows) >= demoKillAt*float64(s.records):
			s.killedAt, s.killed = rows, time.Now()
			s.workers[0].kill()
			s.workers = s.workers[1:]
			if err := s.start(ctx, "worker-3"); err != nil {
				return err
			}
		case rows >= s.records && acked.Load() == s.records:
			s.complete = moved
			return nil
		case time.Since(moved) > demoStall:
			return advise(fmt.Errorf("the table stands still at %d of %d rows", rows, s.records), "the workers' logs are in "+s.logs)
		}
		for _, w := range s.workers {
			select {
			case <-w.done:
				return errors.Join(w.failure(), fmt.Errorf("%s ended before it was told to", w.name))
			default:
			}
		}
	}
}

// tableRows counts the rows of the table; 0 while there is none.
func tableRows(ctx context.Context, dir string) (int64, error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	head, done, err := openTable(ctx, dir)
	if errors.Is(err, lance.ErrNoTable) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer done()
	return int64(head.LiveRows()), nil
}

// prepareDemo makes an empty folder for the demo. It removes only an earlier demo.
func prepareDemo(dir string) error {
	const next = "name another folder with --storage"
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return advise(fmt.Errorf("look at the demo's folder: %w", err), next)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, demoMarker)); err != nil {
			return advise(fmt.Errorf("%s is not empty and not a demo's", dir), next)
		}
		for _, old := range []string{demoTopic + sink.TableSuffix, ".nats", demoMarker} {
			if err := os.RemoveAll(filepath.Join(dir, old)); err != nil {
				return advise(fmt.Errorf("remove the earlier demo: %w", err), next)
			}
		}
	}
	if err := prepareStorage(dir); err != nil {
		return err
	}
	return os.Mkdir(filepath.Join(dir, demoMarker), 0o755)
}

// print writes the result.
func (c *demoCmd) print(w io.Writer, r demoResult) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(r)
	}
	word := "EXACT"
	if !r.Exact {
		word = "NOT EXACT"
	}
	_, err := fmt.Fprintf(w, `
%s: %d published, %d rows, %d duplicates, %d missing, %d different, %d unknown
worker-1 was killed at %d rows; what it held came again to the others after %v

speed     %.0f rows/s from the first publish to the kill; %.1f s in all, with the wait for those messages
table     %s
size      %.1f MB in %d versions

Open it in Python (pip install pylance):

  import lance
  ds = lance.dataset(%q)
  print(ds.count_rows(), ds.schema)
  print(ds.to_table(columns=["id", "text", "_distance"], nearest={"column": "embedding", "q": [0.5] * %d, "k": 3}))
`, word, r.Published, r.Rows, r.Duplicates, r.Missing, r.Different, r.Unknown, r.KilledAt, consumer.DefaultAckWait,
		r.Rate, r.Seconds, r.Table, float64(r.Bytes)/1e6, r.Versions, r.Table, vectorWidth)
	return err
}
