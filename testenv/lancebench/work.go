package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// takeRows is how many rows are taken at random.
const takeRows = 1000

// prepare makes the batches and lists all work on them.
func prepare(ctx context.Context, o options, ref *reference) ([]work, error) {
	rows, vectors := rowBatches(o.rows), vectorBatches(o.vectors)
	p := preparer{ctx: ctx, options: o, ref: ref}
	p.write("write rows, defaults", rows, file.V2_1)
	p.write("write rows, zstd", withSchema(rows, rowSchema("zstd")), file.V2_1)
	p.write("write rows, lz4", withSchema(rows, rowSchema("lz4")), file.V2_1)
	p.write("write rows, defaults, 2.2", rows, file.V2_2)
	p.write("write vectors", vectors, file.V2_1)
	p.tables(rows)
	return p.all, p.err
}

// preparer gathers work; after an error it does nothing.
type preparer struct {
	ctx     context.Context //nolint:containedctx // lives as long as one call
	options options
	ref     *reference
	all     []work
	err     error
}

// ipc writes batches once, for the reference.
func (p *preparer) ipc(name string, recs []arrow.Record) string {
	path := filepath.Join(p.options.dir, name+".arrow")
	if p.err == nil {
		p.err = writeIPC(path, recs)
	}
	return path
}

// write compares data files.
func (p *preparer) write(name string, recs []arrow.Record, v file.Version) {
	source := p.ipc(name, recs)
	ours, theirs := filepath.Join(p.options.dir, "ours.lance"), filepath.Join(p.options.dir, "theirs.lance")
	p.all = append(p.all, work{
		name: name, rows: count(recs),
		ours: func() (reply, error) { return writeOurs(ours, recs, v) },
		theirs: func() (reply, error) {
			return p.ref.call("write", map[string]any{"ipc": source, "path": theirs, "version": v.String()})
		},
	})
}

// tables compares tables: making them, which ours syncs and the reference does
// not, and reading them, each its own.
func (p *preparer) tables(recs []arrow.Record) {
	source := p.ipc("table", recs)
	ours, theirs := filepath.Join(p.options.dir, "ours"), filepath.Join(p.options.dir, "theirs")
	create := func() (reply, error) {
		return p.ref.call("create", map[string]any{"ipc": source, "path": theirs, "version": "2.1"})
	}
	if p.err == nil {
		_, p.err = createOurs(p.ctx, ours, recs)
	}
	if p.err == nil {
		_, p.err = create()
	}
	p.all = append(p.all, work{
		name: "create table (ours synced)", rows: count(recs),
		ours:   func() (reply, error) { return createOurs(p.ctx, ours, recs) },
		theirs: create,
	})
	scan := func(name, dir string, columns []string) {
		p.all = append(p.all, work{
			name: name, rows: count(recs),
			ours: func() (reply, error) { return scanOurs(p.ctx, dir, columns) },
			theirs: func() (reply, error) {
				return p.ref.call("scan", map[string]any{"path": dir, "columns": columns})
			},
		})
	}
	scan("scan all of ours", ours, nil)
	scan("scan all of pylance's", theirs, nil)
	scan("scan one column of ours", ours, []string{"id"})
	scan("scan one column of pylance's", theirs, []string{"id"})
	scan("scan the text of ours", ours, []string{"text"})
	scan("scan the text of pylance's", theirs, []string{"text"})
	r := rand.New(rand.NewPCG(9, 9))
	some := make([]uint64, min(takeRows, count(recs)))
	for i := range some {
		some[i] = r.Uint64N(uint64(count(recs)))
	}
	for _, dir := range []string{ours, theirs} {
		p.all = append(p.all, work{
			name: "take random rows of " + filepath.Base(dir), rows: len(some),
			ours:   func() (reply, error) { return takeOurs(p.ctx, dir, some) },
			theirs: func() (reply, error) { return p.ref.call("take", map[string]any{"path": dir, "rows": some}) },
		})
	}
}

func count(recs []arrow.Record) int {
	n := 0
	for _, rec := range recs {
		n += int(rec.NumRows())
	}
	return n
}
