package fields_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

func nullable(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

func schemaOf(fs ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fs, nil) }

// sample is a schema with every way a field can nest.
func sample() *arrow.Schema {
	point := arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Float64), nullable("y", arrow.PrimitiveTypes.Float64))
	return schemaOf(
		arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		nullable("s", arrow.StructOf(nullable("a", arrow.BinaryTypes.String), nullable("p", point))),
		nullable("l", arrow.ListOf(arrow.PrimitiveTypes.Int32)),
		nullable("ls", arrow.ListOf(point)),
		nullable("v", arrow.FixedSizeListOf(8, arrow.PrimitiveTypes.Float32)),
		nullable("a.b", arrow.PrimitiveTypes.Int8),
	)
}

func mustSchema(t *testing.T, s *arrow.Schema) *fields.Schema {
	t.Helper()
	out, err := fields.FromArrow(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lines shows a schema as one line per field: id, parent, path and type.
func lines(s *fields.Schema) []string {
	var out []string
	s.Walk(func(p fields.Path, f *fields.Field) bool {
		out = append(out, strings.Join([]string{itoa(f.ID), itoa(f.ParentID), string(p), f.LogicalType}, " "))
		return true
	})
	return out
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }

func equalLines(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestFromArrowNumbersInPreOrder(t *testing.T) {
	s := mustSchema(t, sample())
	equalLines(t, lines(s), []string{
		"0 -1 id int64",
		"1 -1 s struct", "2 1 s.a string", "3 1 s.p struct", "4 3 s.p.x double", "5 3 s.p.y double",
		"6 -1 l list", "7 6 l.item int32",
		"8 -1 ls list.struct", "9 8 ls.item struct", "10 9 ls.item.x double", "11 9 ls.item.y double",
		"12 -1 v fixed_size_list:float:8",
		`13 -1 a\.b int8`,
	})
	if got := s.MaxID(); got != 13 {
		t.Errorf("MaxID is %d, want 13", got)
	}
	var leaves []string
	for _, f := range s.Leaves() {
		leaves = append(leaves, itoa(f.ID))
	}
	equalLines(t, leaves, []string{"0", "2", "4", "5", "7", "10", "11", "12", "13"})
	s.Walk(func(p fields.Path, f *fields.Field) bool {
		if s.Lookup(p) != f {
			t.Errorf("Lookup(%s) does not find the field Walk gave", p)
		}
		return true
	})
	if s.Lookup("l.other") != nil || s.Lookup("id.x") != nil || s.Lookup("nope") != nil || s.Lookup("") != nil {
		t.Error("Lookup found a path that is not there")
	}
}

func TestArrowRoundTripsEveryType(t *testing.T) {
	types := []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean,
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
		arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
		arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64, arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time64ns,
		arrow.FixedWidthTypes.Duration_ms, arrow.FixedWidthTypes.Timestamp_us, &arrow.TimestampType{Unit: arrow.Nanosecond},
		&arrow.TimestampType{Unit: arrow.Second, TimeZone: "+01:00"},
		&arrow.Decimal128Type{Precision: 20, Scale: 2}, &arrow.Decimal256Type{Precision: 50, Scale: -1},
		&arrow.FixedSizeBinaryType{ByteWidth: 5}, arrow.FixedSizeListOf(1536, arrow.PrimitiveTypes.Float32),
		arrow.FixedSizeListOf(3, arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16)),
		arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Timestamp_us),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String},
		arrow.LargeListOf(arrow.StructOf(nullable("k", arrow.BinaryTypes.Binary))),
		arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Uint8)), arrow.StructOf(),
	}
	md := arrow.MetadataFrom(map[string]string{"unit": "m"})
	var in []arrow.Field
	for i, typ := range types {
		in = append(in, arrow.Field{Name: "c" + itoa(int32(i)), Type: typ, Nullable: i%2 == 0, Metadata: md})
	}
	tableMD := arrow.MetadataFrom(map[string]string{"owner": "x"})
	want := arrow.NewSchema(in, &tableMD)
	s := mustSchema(t, want)
	again, err := fields.FromProto(s.Proto(), s.ProtoMetadata())
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Arrow()
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(want) || !got.Metadata().Equal(tableMD) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestUnsupportedTypesAreNamed(t *testing.T) {
	sorted := arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8)
	sorted.KeysSorted = true
	for _, dt := range []arrow.DataType{
		sorted, arrow.FixedWidthTypes.MonthInterval, arrow.FixedWidthTypes.MonthDayNanoInterval, arrow.BinaryTypes.StringView,
		arrow.ListViewOf(arrow.PrimitiveTypes.Int8), arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int8),
		arrow.SparseUnionOf([]arrow.Field{nullable("a", arrow.PrimitiveTypes.Int8)}, []arrow.UnionTypeCode{0}),
		arrow.FixedSizeListOf(2, arrow.ListOf(arrow.PrimitiveTypes.Int8)),
	} {
		_, err := fields.FromArrow(schemaOf(nullable("s", arrow.StructOf(nullable("m", dt)))))
		if !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), "column s.m: type") {
			t.Errorf("FromArrow of %s: %v", dt, err)
		}
	}
	for _, logical := range []string{
		"", "fixed_size_list:float:0", "fixed_size_list:float:99999999999", "fixed_size_list:8", "fixed_size_binary:-1",
		"timestamp:us", "timestamp:h:-", "decimal:128:99:0", "decimal:64", "dict:string:string:false", "dict:x", "nonsense:1",
	} {
		s, err := fields.FromProto([]*lancepb.Field{{Name: "c", ParentId: -1, LogicalType: logical}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Arrow(); !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), "column c") {
			t.Errorf("logical type %q: %v", logical, err)
		}
	}
	if _, err := fields.FromArrow(schemaOf(nullable("a", arrow.Null), nullable("a", arrow.Null))); err == nil {
		t.Error("a name used twice passed")
	}
}

func TestMaps(t *testing.T) {
	m := arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.PrimitiveTypes.Int8))
	want := schemaOf(nullable("m", m))
	s := mustSchema(t, want)
	if got := len(s.Leaves()); got != 2 || !s.Fields[0].IsMap() || s.Lookup(fields.MakePath("m", "item", "key")) == nil {
		t.Errorf("%d leaves of a map, or no key", got)
	}
	if got, err := s.Arrow(); err != nil || !got.Equal(want) {
		t.Errorf("got %s, want %s; %v", got, want, err)
	}
	list := s.Proto()
	list[1].LogicalType = "int8"
	list[1].ParentId = 0
	bad, err := fields.FromProto(list[:2], nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bad.Arrow(); err == nil || !strings.Contains(err.Error(), "column m") {
		t.Errorf("a map of numbers: %v", err)
	}
}

func TestProtoKeepsWhatItDoesNotKnow(t *testing.T) {
	m := &lancepb.Field{Name: "c", Id: 3, ParentId: -1, LogicalType: "int64", Kind: 2, Encoding: 1, UnenforcedPrimaryKey: true}
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 77, protowire.VarintType), 5)
	m.ProtoReflect().SetUnknown(unknown)
	s, err := fields.FromProto([]*lancepb.Field{m}, nil)
	if err != nil {
		t.Fatal(err)
	}
	merged, _, err := fields.Merge(s, schemaOf(nullable("d", arrow.PrimitiveTypes.Int8)), 4)
	if err != nil {
		t.Fatal(err)
	}
	if got := merged.Proto()[0]; !proto.Equal(got, m) {
		t.Errorf("got %v, want %v", got, m)
	}
}

func TestFromProtoRefusesDamage(t *testing.T) {
	top := func(id int32, name, logical string) *lancepb.Field {
		return &lancepb.Field{Id: id, ParentId: -1, Name: name, LogicalType: logical}
	}
	deep := []*lancepb.Field{top(0, "f", "struct")}
	for i := int32(1); i < 1000; i++ {
		deep = append(deep, &lancepb.Field{Id: i, ParentId: i - 1, Name: "f", LogicalType: "struct"})
	}
	for name, list := range map[string][]*lancepb.Field{
		"orphan":            {{Id: 1, ParentId: 0, Name: "x"}},
		"own parent":        {{Id: 0, ParentId: 0, Name: "x"}},
		"negative id":       {top(-2, "x", "int8")},
		"id twice":          {top(0, "x", "int8"), top(0, "y", "int8")},
		"name twice":        {top(0, "x", "int8"), top(1, "x", "int8")},
		"list without item": {top(0, "x", "list")},
		"list of two":       {top(0, "x", "list"), {Id: 1, Name: "a", LogicalType: "int8"}, {Id: 2, Name: "b", LogicalType: "int8"}},
		"too deep":          deep,
		"nil":               {nil},
	} {
		var damage *corrupt.Error
		if _, err := fields.FromProto(list, nil); !errors.As(err, &damage) {
			t.Errorf("%s: got %v, want a corrupt.Error", name, err)
		}
	}
}

func TestPathsAreUnambiguous(t *testing.T) {
	names := []string{"", ".", `\`, "a", "a.b", `a\`, `.\.`, `\.`}
	seen := map[fields.Path]bool{}
	for _, a := range names {
		for _, b := range names {
			p := fields.MakePath(a, b)
			if seen[p] {
				t.Errorf("path of %q and %q is taken", a, b)
			}
			seen[p] = true
			if got := p.Parts(); !slices.Equal(got, []string{a, b}) {
				t.Errorf("parts of %q are %q, want %q and %q", string(p), got, a, b)
			}
		}
	}
	if got := fields.MakePath("s", "a.b", "c").String(); got != `s."a.b".c` {
		t.Errorf("String gives %s", got)
	}
}
