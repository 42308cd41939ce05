package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// writeOurs writes one data file, as lance.file.LanceFileWriter does.
func writeOurs(path string, recs []arrow.Record, v file.Version) (r reply, err error) {
	began := time.Now()
	s, err := fields.FromArrow(recs[0].Schema())
	if err != nil {
		return reply{}, err
	}
	f, err := os.Create(path)
	if err != nil {
		return reply{}, err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		r.Seconds = time.Since(began).Seconds()
	}()
	w, err := file.NewWriter(f, s, file.WriterOptions{Version: v})
	if err != nil {
		return reply{}, err
	}
	defer w.Abort()
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			return reply{}, err
		}
	}
	summary, err := w.Finish()
	return reply{Bytes: int64(summary.Size)}, err
}

// createOurs makes a table. Unlike the reference it syncs what it writes.
func createOurs(ctx context.Context, dir string, recs []arrow.Record) (r reply, err error) {
	if err := os.RemoveAll(dir); err != nil {
		return reply{}, err
	}
	began := time.Now()
	store, err := localfs.Create(dir)
	if err != nil {
		return reply{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	all := func(yield func(arrow.Record, error) bool) {
		for _, rec := range recs {
			if !yield(rec, nil) {
				return
			}
		}
	}
	_, err = lance.Create(ctx, store, recs[0].Schema(), all, lance.Options{})
	return reply{Seconds: time.Since(began).Seconds()}, err
}

// scanOurs reads a table from its head.
func scanOurs(ctx context.Context, dir string, columns []string) (r reply, err error) {
	began := time.Now()
	d, closeTable, err := openOurs(ctx, dir)
	if err != nil {
		return reply{}, err
	}
	defer func() { err = errors.Join(err, closeTable()) }()
	for rec, err := range d.Scan(ctx, lance.ScanOptions{Columns: columns, BatchRows: 8192}) {
		if err != nil {
			return reply{}, fmt.Errorf("scan: %w", err)
		}
		r.Rows += rec.NumRows()
		rec.Release()
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// takeOurs reads single rows of a table.
func takeOurs(ctx context.Context, dir string, rows []uint64) (r reply, err error) {
	began := time.Now()
	d, closeTable, err := openOurs(ctx, dir)
	if err != nil {
		return reply{}, err
	}
	defer func() { err = errors.Join(err, closeTable()) }()
	rec, err := d.Take(ctx, rows)
	if err != nil {
		return reply{}, err
	}
	defer rec.Release()
	return reply{Rows: rec.NumRows(), Seconds: time.Since(began).Seconds()}, nil
}

func openOurs(ctx context.Context, dir string) (*lance.Dataset, func() error, error) {
	store, err := localfs.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	d, err := lance.Open(store, lance.Options{}).Latest(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return d, store.Close, nil
}
