package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

const (
	extensionName     = "ARROW:extension:name"
	extensionMetadata = "ARROW:extension:metadata"
)

// celsius is an extension type that Go knows, if it is registered.
type celsius struct{ arrow.ExtensionBase }

type celsiusArray struct{ array.ExtensionArrayBase }

func newCelsius() *celsius {
	return &celsius{ExtensionBase: arrow.ExtensionBase{Storage: arrow.PrimitiveTypes.Float32}}
}

func (*celsius) ArrayType() reflect.Type { return reflect.TypeFor[celsiusArray]() }

func (*celsius) ExtensionName() string { return "pst.celsius" }

func (*celsius) ExtensionEquals(other arrow.ExtensionType) bool {
	return other.ExtensionName() == "pst.celsius"
}

func (*celsius) Serialize() string { return `{"zero":273.15}` }

func (*celsius) Deserialize(arrow.DataType, string) (arrow.ExtensionType, error) {
	return newCelsius(), nil
}

// named is a field of an extension that Go does not know.
func named(f arrow.Field, name, metadata string) arrow.Field {
	f.Metadata = arrow.NewMetadata([]string{extensionName, extensionMetadata, "unit"}, []string{name, metadata, "K"})
	return f
}

// extended are columns of extension types, known or not, at every depth.
func extended(registered arrow.DataType) *arrow.Schema {
	id := named(arrow.Field{Name: "id", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Nullable: true}, "arrow.uuid", "")
	mine := named(arrow.Field{Name: "mine", Type: arrow.PrimitiveTypes.Int16, Nullable: true}, "pst.unknown", "v=1")
	word := named(arrow.Field{Name: "word", Type: indexedBy(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String), Nullable: true}, "pst.word", "")
	tensor := named(arrow.Field{Name: "tensor", Type: arrow.FixedSizeListOf(4, arrow.PrimitiveTypes.Float32), Nullable: true}, "pst.tensor", `{"shape":[2,2]}`)
	warm := arrow.Field{Name: "warm", Type: registered, Nullable: true}
	item := warm
	item.Name = "item"
	return arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		id, mine, word, warm,
		{Name: "s", Type: arrow.StructOf(id, mine, warm), Nullable: true},
		{Name: "l", Type: arrow.ListOfField(item), Nullable: true},
		tensor,
	}, nil)
}

// extensions lists the extension of every field as Go sees it, or the reference.
func extensions(path string, fields []arrow.Field) []string {
	var all []string
	for _, f := range fields {
		at := strings.TrimPrefix(path+"."+f.Name, ".")
		name, known := f.Metadata.GetValue(extensionName)
		metadata, _ := f.Metadata.GetValue(extensionMetadata)
		if ext, ok := f.Type.(arrow.ExtensionType); ok {
			name, metadata, known = ext.ExtensionName(), ext.Serialize(), true
		}
		if known {
			all = append(all, at+" "+name+" "+metadata)
		}
		if nested, ok := f.Type.(arrow.NestedType); ok {
			all = append(all, extensions(at, nested.Fields())...)
		}
	}
	return all
}

// theirExtensions is the same in Python.
const theirExtensions = `
import lance
result = []
def walk(path, fields):
    for f in fields:
        at = (path + "." + f.name).lstrip(".")
        meta = f.metadata or {}
        if isinstance(f.type, pa.BaseExtensionType):
            result.append(f"{at} {f.type.extension_name} ")  # one that pyarrow brings along, without metadata
        elif b"ARROW:extension:name" in meta:
            result.append(f"{at} {meta[b'ARROW:extension:name'].decode()} {meta.get(b'ARROW:extension:metadata', b'').decode()}")
        if pa.types.is_nested(f.type):
            walk(at, [f.type.field(i) for i in range(f.type.num_fields)])
walk("", lance.dataset(args["uri"]).schema)
`

// requireExtensions checks that both sides see the same extensions as a schema has.
func requireExtensions(t *testing.T, table *lance.Table, ref *lanceref.Reference, dir string, want *arrow.Schema) {
	t.Helper()
	d := must(table.Latest(t.Context()))(t)
	wanted := extensions("", want.Fields())
	if got := extensions("", d.Schema().Fields()); !reflect.DeepEqual(got, wanted) {
		t.Errorf("version %d: we see %q, want %q", d.Version(), got, wanted)
	}
	var theirs []string
	if err := ref.Eval(theirExtensions, map[string]any{"uri": dir}, &theirs); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(theirs, wanted) {
		t.Errorf("version %d: the reference sees %q, want %q", d.Version(), theirs, wanted)
	}
}

const extendedRows = `[{"n":1,"id":"AAAAAAAAAAAAAAAAAAAAAA==","mine":3,"word":"w","warm":20.5,"s":{"id":null,"mine":4,"warm":-1},"l":[1,null],"tensor":[1,2,3,4]},{"n":2}]`

// asExtensions is a record under a schema whose extension types are those that the
// record's own has the storage types of.
func asExtensions(rec arrow.Record, schema *arrow.Schema) arrow.Record {
	var under func(data arrow.ArrayData, kind arrow.DataType) arrow.ArrayData
	under = func(data arrow.ArrayData, kind arrow.DataType) arrow.ArrayData {
		children := data.Children()
		if nested, ok := kind.(arrow.NestedType); ok {
			children = nil
			for i, f := range nested.Fields() {
				children = append(children, under(data.Children()[i], f.Type))
			}
		} else if _, ok := kind.(arrow.ExtensionType); !ok {
			return data
		}
		return array.NewData(kind, data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
	}
	columns := make([]arrow.Array, rec.NumCols())
	for i, c := range rec.Columns() {
		columns[i] = array.MakeFromData(under(c.Data(), schema.Field(i).Type))
	}
	return array.NewRecord(schema, columns, rec.NumRows())
}

// TestExtensions keeps names and metadata of extension types, whether Go knows the
// type or not, written by us and by the reference, under changes of the schema.
func TestExtensions(t *testing.T) {
	if err := arrow.RegisterExtensionType(newCelsius()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := arrow.UnregisterExtensionType("pst.celsius"); err != nil {
			t.Error(err)
		}
	})
	stored := fromJSON(t, extended(arrow.PrimitiveTypes.Float32), extendedRows)
	schema := extended(newCelsius())
	rec := asExtensions(stored, schema)
	for _, version := range versions {
		for _, ours := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/ours %t", version, ours), func(t *testing.T) {
				store, dir := newStore(t)
				ref := lanceref.Start(t)
				if ours {
					must(lance.Create(t.Context(), store, schema, sequence(rec), lance.Options{FileVersion: version}))(t)
				} else {
					must(ref.Table(dir).Create(lanceref.WriteOptions{DataStorageVersion: version.String()}, schema, rec))(t)
				}
				table := lance.Open(store, lance.Options{})
				requireExtensions(t, table, ref, dir, schema)
				must(table.Append(t.Context(), sequence(rec)))(t)
				must(ref.Table(dir).Append(schema, rec))(t)
				requireExtensions(t, table, ref, dir, schema)
				requireRecords(t, must(collect(must(table.Latest(t.Context()))(t).Scan(t.Context(), lance.ScanOptions{})))(t), stored, 3)
				if err := ref.Table(dir).Compare(schema, rec, rec, rec); err != nil {
					t.Error(err)
				}
				requireExtensions(t, table, ref, dir, evolveExtended(t, table, ref.Table(dir), schema))
			})
		}
	}
}

// evolveExtended adds columns of extension types in all ways that there are, renames
// some, and returns the schema to expect.
func evolveExtended(t *testing.T, table *lance.Table, ref *lanceref.Table, schema *arrow.Schema) *arrow.Schema {
	t.Helper()
	ctx := t.Context()
	more := named(arrow.Field{Name: "more", Type: arrow.BinaryTypes.String, Nullable: true}, "pst.more", "{}")
	warm := schema.Field(schema.FieldIndices("warm")[0])
	inS := arrow.StructOf(more, arrow.Field{Name: "warmer", Type: warm.Type, Nullable: true})
	must(table.AddColumns(ctx, arrow.NewSchema([]arrow.Field{more, {Name: "s", Type: inS, Nullable: true}}, nil)))(t)

	computed := arrow.NewSchema([]arrow.Field{{Name: "warmer", Type: warm.Type, Nullable: true}}, nil)
	must(table.AddColumnsFunc(ctx, computed, []string{"warm"}, func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		return asExtensions(in, computed), nil
	}))(t)
	constant := named(arrow.Field{Name: "same", Type: arrow.PrimitiveTypes.Int8, Nullable: true}, "pst.same", "")
	same := arrow.NewSchema([]arrow.Field{constant}, nil)
	must(table.AddConstants(ctx, fromJSON(t, same, `[{"same":7}]`)))(t)
	must(table.RenameColumn(ctx, "mine", "ours"))(t)
	must(table.RenameColumn(ctx, "s.id", "key"))(t)
	must(ref.Compact(lanceref.CompactOptions{}))(t)

	fields := schema.Fields()
	fields[2].Name = "ours"
	members := fields[5].Type.(*arrow.StructType).Fields()
	members[0].Name = "key"
	fields[5].Type = arrow.StructOf(append(members, inS.Fields()...)...)
	return arrow.NewSchema(append(fields, more, computed.Field(0), constant), nil)
}

// TestJSON reads columns of JSON in the form in which they are stored, and appends
// those; strings of JSON are refused.
func TestJSON(t *testing.T) {
	text := arrow.NewSchema([]arrow.Field{named(arrow.Field{Name: "j", Type: arrow.BinaryTypes.String, Nullable: true}, "arrow.json", "")}, nil)
	rec := fromJSON(t, text, `[{"j":"{\"a\":[1,null]}"},{"j":null},{"j":"\"x\""}]`)
	store, dir := newStore(t)
	ref := lanceref.Start(t).Table(dir)
	must(ref.Create(lanceref.WriteOptions{DataStorageVersion: "2.1"}, text, rec))(t)
	table := lance.Open(store, lance.Options{})
	d := must(table.Latest(t.Context()))(t)
	stored := must(collect(d.Scan(t.Context(), lance.ScanOptions{})))(t)
	if name, _ := d.Schema().Field(0).Metadata.GetValue(extensionName); name != "lance.json" || d.Schema().Field(0).Type.ID() != arrow.LARGE_BINARY {
		t.Errorf("the column is %s", d.Schema().Field(0))
	}
	must(table.Append(t.Context(), sequence(stored...)))(t)
	if err := ref.Compare(text, rec, rec); err != nil {
		t.Error(err)
	}
	for _, schema := range []*arrow.Schema{text, arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.StructOf(text.Field(0))}}, nil)} {
		if _, err := fields.FromArrow(schema); !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), "j: extension arrow.json") {
			t.Errorf("got %v", err)
		}
	}
}
