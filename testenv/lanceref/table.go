package lanceref

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// Table is a Lance table as the reference sees it. It holds no state: every
// method opens the directory anew, at the latest version or at that of At.
type Table struct {
	ref     *Reference
	uri     string
	version uint64 // 0: latest
}

// Table names the table in a directory; nothing is opened.
func (r *Reference) Table(dir string) *Table { return &Table{ref: r, uri: dir} }

// At pins a version. Reads then see that version, and writes are those of a
// stale handle: they start there and rebase over every later commit.
func (t *Table) At(version uint64) *Table {
	return &Table{ref: t.ref, uri: t.uri, version: version}
}

// Dir returns the directory of the table.
func (t *Table) Dir() string { return t.uri }

// args adds the table to the named arguments of a request.
func (t *Table) args(pairs ...any) map[string]any {
	m := map[string]any{"uri": t.uri, "version": t.version}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// Count counts the live rows that match an SQL filter, or all where it is "".
func (t *Table) Count(filter string) (uint64, error) {
	var n uint64
	err := t.ref.call("count", t.args("filter", filter), &n)
	return n, err
}

// Version is one entry of the version list.
type Version struct {
	Version  uint64
	Time     time.Time         // commit time, cut to microseconds
	Metadata map[string]string // the reference's summary of the version
}

// Versions lists the versions that can be read, ascending.
func (t *Table) Versions() ([]Version, error) {
	var raw []struct {
		Version  uint64
		Micros   int64
		Metadata map[string]string
	}
	if err := t.ref.call("versions", t.args(), &raw); err != nil {
		return nil, err
	}
	out := make([]Version, len(raw))
	for i, v := range raw {
		out[i] = Version{v.Version, time.UnixMicro(v.Micros).UTC(), v.Metadata}
	}
	return out, nil
}

// Schema prints the Arrow schema with field metadata, one field a line.
func (t *Table) Schema() (string, error) {
	var s string
	err := t.ref.call("schema", t.args(), &s)
	return s, err
}

// Info is what the reference tells of a manifest.
type Info struct {
	Version     uint64
	FileVersion string            `json:"file_version"` // of the data files, such as "2.1"
	MaxFieldID  int32             `json:"max_field_id"` // over schema and data files
	Config      map[string]string // the manifest's config map
	Metadata    map[string]string // the manifest's table metadata
	Fields      map[string]int32  // field ids by dotted path
}

// Info returns the manifest's facts.
func (t *Table) Info() (Info, error) {
	var i Info
	err := t.ref.call("info", t.args(), &i)
	return i, err
}

// Fragment is one fragment and its data files.
type Fragment struct {
	ID           uint64
	Rows         uint64
	PhysicalRows uint64 `json:"physical_rows"`
	Deletions    uint64
	Files        []struct {
		Path            string
		Fields, Columns []int32
		Version         string // file version
	}
}

// Fragments lists the fragments in row order.
func (t *Table) Fragments() ([]Fragment, error) {
	var f []Fragment
	err := t.ref.call("fragments", t.args(), &f)
	return f, err
}

// Index is one index and how much of the table it covers.
type Index struct {
	Name, Type    string
	Fields        []string
	IndexedRows   uint64 `json:"indexed_rows"`
	UnindexedRows uint64 `json:"unindexed_rows"`
}

// Indices lists the indices.
func (t *Table) Indices() ([]Index, error) {
	var i []Index
	err := t.ref.call("indices", t.args(), &i)
	return i, err
}

// Validate runs the reference's own check of manifest, fragments and ids.
func (t *Table) Validate() error { return t.ref.call("validate", t.args(), nil) }

// ReadOptions select what Read returns; the zero value is the whole table.
type ReadOptions struct {
	Columns []string // nil: all
	Filter  string   // SQL, "" for none
	RowIDs  bool     // adds the column _rowid
}

// Read scans the table in order. The caller releases the result.
func (t *Table) Read(o ReadOptions) (arrow.Table, error) {
	return t.ref.fetch("read", t.args("columns", o.Columns, "filter", o.Filter, "row_ids", o.RowIDs))
}

// Take reads rows by offset among the live rows, by random access. The caller releases the result.
func (t *Table) Take(rows []uint64, columns ...string) (arrow.Table, error) {
	return t.ref.fetch("take", t.args("rows", rows, "columns", columns))
}

// Search is a vector query; the result has a column _distance.
type Search struct {
	Column                string
	Query                 []float32
	K                     int
	Filter                string // applied before the search
	Columns               []string
	NProbes, RefineFactor int // 0: the reference's default
}

// Nearest runs a vector query, by index where there is one. The caller releases the result.
func (t *Table) Nearest(s Search) (arrow.Table, error) {
	return t.ref.fetch("nearest", t.args("column", s.Column, "query", s.Query, "k", s.K, "filter", s.Filter,
		"columns", s.Columns, "nprobes", s.NProbes, "refine_factor", s.RefineFactor))
}

// Compare returns an error that shows the first difference between a full scan
// and the expected records: names, types, nullability, row count, nulls, and
// values to the bit (so -0.0 is not 0.0, and a NaN equals itself).
func (t *Table) Compare(s *arrow.Schema, want ...arrow.Record) error {
	return t.ref.compare("compare", t.args(), s, want)
}

// CompareColumns is Compare for some columns, in the order given.
func (t *Table) CompareColumns(columns []string, s *arrow.Schema, want ...arrow.Record) error {
	return t.ref.compare("compare", t.args("columns", columns), s, want)
}
