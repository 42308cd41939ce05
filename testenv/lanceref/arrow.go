package lanceref

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// SaveIPC writes records of one schema to a new Arrow file in the test's
// temporary directory and returns its path. The records stay the caller's.
func (r *Reference) SaveIPC(s *arrow.Schema, recs ...arrow.Record) (path string, err error) {
	f, err := os.CreateTemp(r.dir, "*.arrow")
	if err != nil {
		return "", fmt.Errorf("save Arrow file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(s))
	if err != nil {
		return "", fmt.Errorf("save Arrow file %s: %w", f.Name(), err)
	}
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			return "", fmt.Errorf("save Arrow file %s: %w", f.Name(), errors.Join(err, w.Close()))
		}
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("save Arrow file %s: %w", f.Name(), err)
	}
	return f.Name(), nil
}

// LoadIPC reads a whole Arrow file. The caller releases the table.
func LoadIPC(path string) (t arrow.Table, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load Arrow file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := ipc.NewFileReader(f)
	if err != nil {
		return nil, fmt.Errorf("load Arrow file %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var recs []arrow.Record
	defer func() {
		for _, rec := range recs {
			rec.Release()
		}
	}()
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return array.NewTableFromRecords(r.Schema(), recs), nil
		}
		if err != nil {
			return nil, fmt.Errorf("load Arrow file %s: %w", path, err)
		}
		rec.Retain()
		recs = append(recs, rec)
	}
}

// newIPC names a file for a reply.
func (r *Reference) newIPC() (string, error) {
	f, err := os.CreateTemp(r.dir, "*.arrow")
	if err != nil {
		return "", fmt.Errorf("name Arrow file: %w", err)
	}
	return f.Name(), f.Close()
}

// fetch makes a request whose reply is an Arrow file, and loads it.
func (r *Reference) fetch(op string, args map[string]any) (arrow.Table, error) {
	out, err := r.newIPC()
	if err != nil {
		return nil, err
	}
	args["out"] = out
	if err := r.call(op, args, nil); err != nil {
		return nil, err
	}
	return LoadIPC(out)
}

// ReadDataFile reads one data file without a table around it. The caller releases the result.
func (r *Reference) ReadDataFile(path string) (arrow.Table, error) {
	return r.fetch("read_file", map[string]any{"path": path})
}

// CompareDataFile returns an error that shows the first difference between what
// the reference reads from one data file and the expected records.
func (r *Reference) CompareDataFile(path string, s *arrow.Schema, want ...arrow.Record) error {
	return r.compare("compare_file", map[string]any{"path": path}, s, want)
}

func (r *Reference) compare(op string, args map[string]any, s *arrow.Schema, want []arrow.Record) error {
	path, err := r.SaveIPC(s, want...)
	if err != nil {
		return err
	}
	args["ipc"] = path
	var difference string
	if err := r.call(op, args, &difference); err != nil {
		return err
	}
	if difference != "" {
		return fmt.Errorf("reference %s: %s", op, difference)
	}
	return nil
}
