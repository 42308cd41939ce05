package conformance_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// writeByReference is Python that writes a data file.
const writeByReference = `
from lance.file import LanceFileWriter
table = load(args['ipc'])
with LanceFileWriter(args['path'], table.schema, version=args['version'], max_page_bytes=args['page']) as w:
    for batch in table.to_batches():
        w.write_batch(batch)
`

// TestForeignFiles reads data files that the reference wrote, with every
// compression that field metadata can ask it for. A column is read right, or
// refused because of an encoding that the error names.
func TestForeignFiles(t *testing.T) {
	settings := map[string]map[string]string{
		"default": nil,
		"none":    {"lance-encoding:compression": "none"},
		"zstd":    {"lance-encoding:compression": "zstd"},
		"lz4":     {"lance-encoding:compression": "lz4"},
		"fsst":    {"lance-encoding:compression": "fsst"},
		"bss":     {"lance-encoding:compression": "zstd", "lance-encoding:bss": "on"},
		"rle":     {"lance-encoding:rle-threshold": "1.0"},
		"fullzip": {"lance-encoding:structural-encoding": "fullzip"},
	}
	for _, g := range groups() {
		for name, setting := range settings {
			for _, version := range versions[g.since:] {
				t.Run(fmt.Sprintf("%s/%s/%s", g.name, name, version), func(t *testing.T) {
					t.Parallel() // beside the reference
					r := newRand(t)
					columns := g.columns(r)
					if name == "fullzip" {
						columns = slices.DeleteFunc(columns, func(c column) bool { return bitVector(c.kind) })
					}
					rec := recordOf(r, columns, g.rows/4)
					defer rec.Release()
					ref := lanceref.Start(t)
					path := filepath.Join(t.TempDir(), "x.lance")
					rec = withMetadata(rec, setting)
					ipc, err := ref.SaveIPC(rec.Schema(), rec, rec)
					if err != nil {
						t.Fatal(err)
					}
					args := map[string]any{"ipc": ipc, "path": path, "version": version.String(), "page": 16 << 10}
					if err := ref.Eval(writeByReference, args, nil); err != nil {
						t.Fatal(err)
					}
					readForeign(t, r, path, rec)
				})
			}
		}
	}
}

// bitVector says that a type holds fixed-size lists of bools, which the reference
// does not zip.
func bitVector(kind arrow.DataType) bool {
	switch t := kind.(type) {
	case *arrow.FixedSizeListType:
		return t.Elem().ID() == arrow.BOOL || bitVector(t.Elem())
	case arrow.NestedType:
		return slices.ContainsFunc(t.Fields(), func(f arrow.Field) bool { return bitVector(f.Type) })
	}
	return false
}

// withMetadata gives every field the metadata, the leaves too.
func withMetadata(rec arrow.Record, setting map[string]string) arrow.Record {
	columns := make([]arrow.Array, rec.NumCols())
	fields := make([]arrow.Field, rec.NumCols())
	for i := range columns {
		fields[i] = annotate(rec.Schema().Field(i), arrow.MetadataFrom(setting))
		columns[i] = retype(rec.Column(i), fields[i].Type)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, rec.NumRows())
}

func annotate(f arrow.Field, m arrow.Metadata) arrow.Field {
	f.Metadata = m
	switch t := f.Type.(type) {
	case *arrow.StructType:
		members := t.Fields()
		for i := range members {
			members[i] = annotate(members[i], m)
		}
		f.Type = arrow.StructOf(members...)
	case *arrow.ListType:
		f.Type = arrow.ListOfField(annotate(t.ElemField(), m))
	case *arrow.LargeListType:
		f.Type = arrow.LargeListOfField(annotate(t.ElemField(), m))
	}
	return f
}

// retype is the array under a type that differs in metadata alone.
func retype(a arrow.Array, kind arrow.DataType) arrow.Array {
	var convert func(d arrow.ArrayData, kind arrow.DataType) arrow.ArrayData
	convert = func(d arrow.ArrayData, kind arrow.DataType) arrow.ArrayData {
		if !isNested(kind) {
			return d
		}
		var children []arrow.ArrayData
		for i, f := range kind.(arrow.NestedType).Fields() {
			children = append(children, convert(d.Children()[i], f.Type))
		}
		return array.NewData(kind, d.Len(), d.Buffers(), children, d.NullN(), d.Offset())
	}
	return array.MakeFromData(convert(a.Data(), kind))
}

// readForeign reads a file that holds a record twice, column by column, and tells
// how many were refused.
func readForeign(t *testing.T, r *rand.Rand, path string, want arrow.Record) int {
	t.Helper()
	reader := openFile(t, path)
	s, err := reader.Schema()
	if err != nil {
		t.Fatal(err)
	}
	ordinals := map[int32]int{}
	for i, f := range s.Leaves() {
		ordinals[f.ID] = i
	}
	physical := func(id int32) (int, bool) { i, ok := ordinals[id]; return i, ok }
	right, refused := 0, map[string]int{}
	for i, f := range s.Fields {
		one := columnOf(want, i)
		got, err := collect(reader.Batches(t.Context(), &fields.Schema{Fields: []*fields.Field{f}}, physical, 1+r.IntN(2*int(want.NumRows()))))
		switch {
		case errors.Is(err, fields.ErrUnsupported):
			refused[err.Error()[strings.LastIndex(err.Error(), ": ")+2:]]++
		case err != nil:
			t.Errorf("column %s: %v", f.Name, err)
		default:
			requireRecords(t, got, one, 2)
			right++
		}
	}
	t.Logf("%d columns read right, refused %v", right, refused)
	if right == 0 {
		t.Error("no column was read")
	}
	return len(s.Fields) - right
}
