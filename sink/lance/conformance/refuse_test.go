package conformance_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	lancefields "github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestRefused holds that a table with something this library does not know is
// refused by name and left as it is.
func TestRefused(t *testing.T) {
	for name, o := range map[string]lanceref.WriteOptions{
		"file version 2.0": {DataStorageVersion: "2.0"},
		"legacy files":     {DataStorageVersion: "legacy"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRand(t)
			columns := []column{{arrow.PrimitiveTypes.Int64, noNulls, wild}, {arrow.BinaryTypes.Binary, noNulls, wild}}
			first, second := recordOf(r, columns, 10), recordOf(r, columns, 10)
			store, dir := newStore(t)
			theirs := lanceref.Start(t).Table(dir)
			must(theirs.Create(o, first.Schema(), first))(t)
			_, err := lance.Open(store, lance.Options{}).Append(t.Context(), sequence(second))
			if !errors.Is(err, lance.ErrUnsupported) {
				t.Errorf("append: %v, want ErrUnsupported", err)
			}
			if versions := must(theirs.Versions())(t); len(versions) != 1 {
				t.Errorf("%d versions, want 1", len(versions))
			}
			requireReference(t, theirs, first)
		})
	}
}

// TestRefusedColumns holds that a column stored in a way that this library does not
// know is refused by name, while the others are read.
func TestRefusedColumns(t *testing.T) {
	marked := func(name string, kind arrow.DataType, keys ...string) arrow.Field {
		values := []string{"true"}
		return arrow.Field{Name: name, Type: kind, Nullable: true, Metadata: arrow.NewMetadata(keys, values)}
	}
	point := arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int32}, arrow.Field{Name: "y", Type: arrow.PrimitiveTypes.Float64})
	for name, field := range map[string]arrow.Field{
		"blob":   marked("picture", arrow.BinaryTypes.LargeBinary, "lance-encoding:blob"),
		"packed": marked("point", point, "lance-encoding:packed"),
	} {
		for _, version := range versions {
			t.Run(name+"/"+version.String(), func(t *testing.T) {
				r := newRand(t)
				plain := column{arrow.PrimitiveTypes.Int64, someNulls, wild}
				rec := recordOf(r, []column{plain, {field.Type, noNulls, wild}, plain}, 50)
				defer rec.Release()
				fields := rec.Schema().Fields()
				fields[1] = field
				rec = array.NewRecord(arrow.NewSchema(fields, nil), rec.Columns(), rec.NumRows())
				path := filepath.Join(t.TempDir(), "x.lance")
				ref := lanceref.Start(t)
				args := map[string]any{"ipc": must(ref.SaveIPC(rec.Schema(), rec, rec))(t), "path": path, "version": version.String(), "page": 1 << 20}
				if err := ref.Eval(writeByReference, args, nil); err != nil {
					t.Fatal(err)
				}
				if refused := readForeign(t, r, path, rec); refused != 1 {
					t.Errorf("%d columns refused, want one", refused)
				}
				s := must(lancefields.FromArrow(rec.Schema()))(t)
				_, err := file.NewWriter(nil, s, file.WriterOptions{Version: version})
				if !errors.Is(err, lance.ErrUnsupported) || !strings.Contains(err.Error(), field.Name) {
					t.Errorf("write: %v", err)
				}
			})
		}
	}
}

// TestBlobBetweenColumns holds that a struct of references to values elsewhere,
// which has one column and not one a member, is refused by name, and the column
// behind it read.
func TestBlobBetweenColumns(t *testing.T) {
	store, dir := newStore(t)
	const write = `
import lance
columns = [pa.field("a", pa.int64()), lance.blob_field("b"), pa.field("c", pa.string())]
rows = pa.table([pa.array([1, 2, 3]), lance.blob_array([b"x", b"yy", None]), pa.array(["k", "l", None])], schema=pa.schema(columns))
lance.write_dataset(rows, args["dir"], data_storage_version="2.2")
`
	if err := lanceref.Start(t).Eval(write, map[string]any{"dir": dir}, nil); err != nil {
		t.Fatal(err)
	}
	d := must(lance.Open(store, lance.Options{}).Latest(t.Context()))(t)
	recs := must(collect(d.Scan(t.Context(), lance.ScanOptions{Columns: []string{"c"}})))(t)
	if got := recs[0].Column(0).String(); got != `["k" "l" (null)]` {
		t.Errorf("column c: %s", got)
	}
	if _, err := collect(d.Scan(t.Context(), lance.ScanOptions{Columns: []string{"b"}})); !errors.Is(err, lance.ErrUnsupported) {
		t.Errorf("column b: %v", err)
	}
}
