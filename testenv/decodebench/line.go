//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
)

// line is one form of the rows, with what was measured of it.
type line struct {
	name       string
	aim        float64 // million rows a second; 0 for none
	mediaType  string
	payloads   payloads // of all rows once
	undeclared schema.Undeclared

	batch  *decode.Batch
	header map[string][]string
	stored time.Time
	seq    uint64

	ns        []float64 // CPU time of a row
	allocs    []float64 // of a batch
	kilobytes []float64 // of a batch
}

// perMessage is how many rows the messages of many rows have.
const perMessage = 1000

// prepare makes the lines, and shows of each that it gives the rows and refuses what it
// must. With undeclared: ignore the table has five columns, and the sixth field of each
// row is one that neither the table nor the row before it had; with undeclared: evolve it is one of
// eight columns that the first batch added.
func prepare() ([]*line, error) {
	rows := makeRows()
	var objects, lines, maps, many, streams payloads
	for i, w := range rows {
		objects.add(w.json())
		maps.add(w.msgpack())
		if (i+1)%perMessage > 0 {
			continue
		}
		first := i + 1 - perMessage
		lines.add(bytes.Join(slices.Collect(objects.from(first)), []byte("\n")))
		many.add(bytes.Join(slices.Collect(maps.from(first)), nil))
		s, err := stream(rows[first : i+1])
		if err != nil {
			return nil, err
		}
		streams.add(s)
	}
	all := []*line{
		{name: "JSON, a row a message, ignore", aim: 3, payloads: objects, undeclared: schema.Ignore},
		{name: "JSON, a row a message, evolve", payloads: objects},
		{name: "JSON, 1,000 rows a message, ignore", payloads: lines, undeclared: schema.Ignore},
		{name: "JSON, 1,000 rows a message, evolve", payloads: lines},
		{name: "MessagePack, a row a message, ignore", mediaType: "application/msgpack", payloads: maps, undeclared: schema.Ignore},
		{name: "MessagePack, 1,000 rows a message, ignore", mediaType: "application/msgpack", payloads: many, undeclared: schema.Ignore},
		{name: "Arrow IPC, 1,000 rows a message, ignore", aim: 5, mediaType: "application/vnd.apache.arrow.stream", payloads: streams, undeclared: schema.Ignore},
	}
	want := record(rows)
	for _, l := range all {
		d := &schema.Declaration{Fields: columns(), Undeclared: l.undeclared}
		l.stored = time.Unix(1_800_000_000, 0)
		if l.mediaType != "" {
			l.header = map[string][]string{"Content-Type": {l.mediaType}}
		}
		l.batch = decode.NewBatch(nil, decode.Options{Seq: true, Time: true, Declared: d})
		if err := l.check(want); err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return all, nil
}

// check decodes all rows once, compares the five columns with what was written, and
// tries what must be refused.
func (l *line) check(want arrow.Record) error {
	for p := range l.payloads.from(0) {
		if err := l.append(p); err != nil {
			return err
		}
	}
	if l.mediaType == "" {
		for name, p := range hostile() {
			var rej *decode.Reject
			if err := l.append([]byte(p)); !errors.As(err, &rej) || rej.Class == decode.ClassPanic {
				return fmt.Errorf("%s: %.40q must be rejected, got %v", name, p, err) //nolint:errorlint // it may be nil
			}
		}
	}
	got, err := l.batch.Record()
	if err != nil {
		return err
	}
	for i, f := range columns() {
		at := got.Schema().FieldIndices(f.Name)
		if len(at) != 1 || !array.Equal(got.Column(at[0]), want.Column(i)) {
			return fmt.Errorf("column %s is not what was written", f.Name)
		}
	}
	l.batch.Reset(got.Schema())
	return nil
}

func (l *line) append(p []byte) error {
	l.seq++
	_, err := l.batch.Append(decode.Meta{Seq: l.seq, Time: l.stored, Header: l.header}, p)
	return err
}

// measure decodes at least the given number of rows in whole batches.
func (l *line) measure(rows int) error {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	batches, began := 0, cpu()
	for batches*distinct < rows {
		for p := range l.payloads.from(0) {
			if err := l.append(p); err != nil {
				return err
			}
		}
		rec, err := l.batch.Record()
		if err != nil {
			return err
		}
		if rec.NumRows() != distinct {
			return fmt.Errorf("%d rows of %d", rec.NumRows(), distinct)
		}
		l.batch.Reset(rec.Schema())
		batches++
	}
	took := cpu() - began
	runtime.ReadMemStats(&after)
	n := float64(batches)
	l.ns = append(l.ns, float64(took.Nanoseconds())/n/distinct)
	l.allocs = append(l.allocs, float64(after.Mallocs-before.Mallocs)/n)
	l.kilobytes = append(l.kilobytes, float64(after.TotalAlloc-before.TotalAlloc)/n/1000)
	return nil
}

// cpu is the CPU time that the process has had.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot be: the arguments are constants
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
