package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
)

// schemaInferCmd is "schema infer".
type schemaInferCmd struct {
	File     string      `arg:"" help:"Messages, one in a line, as pub takes them; - for standard input."`
	Topic    string      `placeholder:"TOPIC" help:"Topic whose declaration in --schema counts."`
	JSON     bool        `help:"Print as JSON."`
	Declared schemaFlags `embed:""`
}

// Help is the example shown by "help schema infer".
func (*schemaInferCmd) Help() string {
	return example("pst-bridge schema infer events.ndjson", "pst-bridge schema infer --schema schema.yaml --topic orders -")
}

// Run prints the columns.
func (c *schemaInferCmd) Run(ctx context.Context, std *streams) error {
	plan, err := planFile(ctx, std, c.File, nil, c.Declared.Schema.of(c.Topic))
	if err != nil {
		return err
	}
	return plan.print(std, c.JSON)
}

// schemaPlanCmd is "schema plan".
type schemaPlanCmd struct {
	Topic string `arg:"" help:"Topic whose table the messages are for."`
	File  string `arg:"" help:"Messages, one in a line, as pub takes them; - for standard input."`
	JSON  bool   `help:"Print as JSON."`
	tableFlags
}

// Help is the example shown by "help schema plan".
func (*schemaPlanCmd) Help() string {
	return example("pst-bridge schema plan orders new-producer.ndjson", "pst-bridge schema plan orders sample.ndjson --schema next.yaml --json")
}

// Run prints what would change, and fails if a message would be refused.
func (c *schemaPlanCmd) Run(ctx context.Context, std *streams) (err error) {
	t, err := c.open(c.Topic)
	if err != nil {
		return err
	}
	var table *arrow.Schema
	if t != nil {
		defer func() { err = errors.Join(err, t.close()) }()
		d, err := t.latest(ctx)
		if err != nil {
			return err
		}
		if d != nil {
			table = d.Schema()
		}
	}
	plan, err := planFile(ctx, std, c.File, table, c.declaration(c.Topic))
	if err != nil {
		return err
	}
	if err := plan.print(std, c.JSON); err != nil {
		return err
	}
	if plan.Refused > 0 {
		return fmt.Errorf("%d of %d messages would become dead letters", plan.Refused, plan.Messages)
	}
	return nil
}

// schemaPlan is what a file would do to a table.
type schemaPlan struct {
	Messages int           `json:"messages"`
	Rows     int           `json:"rows"`
	Batches  int           `json:"batches"`
	Refused  int           `json:"refused"`
	Changes  []changeText  `json:"changes,omitempty"`
	Pending  []string      `json:"only_null,omitempty"` // fields without a value so far
	Reasons  []refusalText `json:"reasons,omitempty"`
}

// refusalText is why messages would become dead letters.
type refusalText struct {
	Class  string `json:"class"`
	Reason string `json:"reason"`
	Count  int    `json:"messages"`
	Line   int    `json:"first_line"`
}

// maxReasons bounds how many different reasons are kept: each may name another field.
const maxReasons = 1000

// planner decodes messages as a bridge does, and keeps the columns that the table would
// have after each batch in place of the rows.
type planner struct {
	table   *arrow.Schema
	dec     *decode.Batch
	plan    schemaPlan
	reasons map[[2]string]int
	pending map[string]bool
}

// planFile reads a file of messages, one in a line, and plans them for a table, nil for
// none.
func planFile(ctx context.Context, std *streams, path string, table *arrow.Schema, d *schema.Declaration) (_ *schemaPlan, err error) {
	in := std.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // it was read
		in = f
	}
	// What the values in the table allow is not looked at: a column may get a wider type.
	o := decode.Options{Declared: d, Widen: func(schema.Widening) error { return nil }}
	if err := decode.Check(table, o); err != nil {
		return nil, advise(err, "a topic in this state stops")
	}
	p := &planner{table: table, dec: decode.NewBatch(table, o), reasons: map[[2]string]int{}, pending: map[string]bool{}}
	r := bufio.NewReaderSize(in, 1<<16)
	for line := 1; ; line++ {
		text, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if message := bytes.TrimRight(text, "\r\n"); len(bytes.TrimSpace(message)) > 0 {
			if err := p.add(line, message); err != nil {
				return nil, err
			}
		}
		if err != nil {
			break
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	if err := p.seal(); err != nil {
		return nil, err
	}
	for _, change := range schema.Changes(table, p.tableOrNone()) {
		p.plan.Changes = append(p.plan.Changes, describeChange(change))
	}
	p.plan.Pending = sortedKeys(p.pending)
	return &p.plan, nil
}

func (p *planner) tableOrNone() *arrow.Schema {
	if p.table == nil {
		return arrow.NewSchema(nil, nil)
	}
	return p.table
}

func (p *planner) add(line int, message []byte) error {
	p.plan.Messages++
	meta := decode.Meta{Seq: uint64(line)} //nolint:gosec // counts from 1
	rows, err := p.dec.Append(meta, message)
	if errors.Is(err, decode.ErrFull) {
		if err := p.seal(); err != nil {
			return err
		}
		rows, err = p.dec.Append(meta, message)
	}
	var rej *decode.Reject
	if errors.As(err, &rej) {
		p.refuse(line, rej)
		return nil
	}
	if err != nil {
		return err
	}
	p.plan.Rows += rows
	if p.dec.Rows() >= bridge.DefaultBatchRows {
		return p.seal()
	}
	return nil
}

func (p *planner) refuse(line int, rej *decode.Reject) {
	p.plan.Refused++
	key := [2]string{rej.Class, rej.Reason}
	at, known := p.reasons[key]
	switch {
	case known:
		p.plan.Reasons[at].Count++
	case len(p.plan.Reasons) < maxReasons:
		p.reasons[key] = len(p.plan.Reasons)
		p.plan.Reasons = append(p.plan.Reasons, refusalText{rej.Class, rej.Reason, 1, line})
	}
}

// seal ends the batch.
func (p *planner) seal() error {
	for _, path := range p.dec.Untyped() {
		p.pending[path] = true
	}
	rows := p.dec.Rows()
	rec, err := p.dec.Record()
	if err != nil {
		return err
	}
	if rows > 0 || p.table == nil {
		p.plan.Batches++
		p.table = schema.Union(p.table, rec.Schema())
	}
	rec.Release()
	p.known("", p.table.Fields())
	p.dec.Reset(p.table)
	return nil
}

// known takes the columns that there are off the list of pending ones.
func (p *planner) known(path string, columns []arrow.Field) {
	for _, f := range columns {
		at := path + schema.Quote(f.Name)
		delete(p.pending, at)
		if t, ok := f.Type.(*arrow.StructType); ok {
			p.known(at+".", t.Fields())
		}
	}
}

func (s *schemaPlan) print(std *streams, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(std.out).Encode(s)
	}
	fmt.Fprintf(std.out, "%d messages, %d rows in %d batches, %d refused\n", s.Messages, s.Rows, s.Batches, s.Refused)
	for i := range s.Changes {
		fmt.Fprintln(std.out, s.Changes[i].String())
	}
	for _, path := range s.Pending {
		fmt.Fprintf(std.out, "? %s has no value but null, [] or {}: no column yet\n", path)
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, r := range s.Reasons {
		fmt.Fprintf(w, "refused\t%d\tfrom line %d\t%s: %s\n", r.Count, r.Line, r.Class, r.Reason)
	}
	return w.Flush()
}
