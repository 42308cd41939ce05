package commit

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// verifyBase is a table with columns id (0, not nullable), s (1) with members a (2)
// and b (3, not nullable), and v (4).
func verifyBase(t *testing.T) *manifest.Manifest {
	t.Helper()
	s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "s", Nullable: true, Type: arrow.StructOf(
			arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8, Nullable: true}, arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int8})},
		{Name: "v", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil))
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := manifest.Next(nil, manifest.Change{Schema: s, FileVersion: "2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// part returns some top-level columns of a table, to be changed at will.
func part(m *manifest.Manifest, names ...string) *fields.Schema {
	s := &fields.Schema{}
	for _, name := range names {
		s.Fields = append(s.Fields, m.Schema().Lookup(fields.MakePath(name)))
	}
	return s.Clone()
}

func fileOf(s *fields.Schema) *DataFile {
	return &DataFile{Path: "x.lance", Rows: 1, Size: 1, Schema: s, Fields: []int32{0}, Columns: []int32{0}, Major: 2, Minor: 1}
}

func TestVerify(t *testing.T) {
	base := verifyBase(t)
	appendOf := func(change func(f *DataFile), names ...string) *Proposal {
		f := fileOf(part(base, names...))
		change(f)
		return &Proposal{Operation: OpAppend, Files: []*DataFile{f}}
	}
	keep := func(*DataFile) {}
	grown := func(change func(s *fields.Schema)) *Proposal {
		s := base.Schema().Clone()
		s.Fields = append(s.Fields, &fields.Field{ID: 5, ParentID: fields.NoParent, Name: "new", LogicalType: "int8", Nullable: true})
		change(s)
		return &Proposal{Operation: OpProject, Schema: s}
	}
	for _, c := range []struct {
		name string
		p    *Proposal
		want string // part of the error; empty: none
	}{
		{"all columns", appendOf(keep, "id", "s", "v"), ""},
		{"a name that reads as a path", grown(func(s *fields.Schema) { s.Fields[3].Name = "a.b" }), `column name "a.b" has a '.'`},
		{"the same in a member", grown(func(s *fields.Schema) {
			s.Fields[1].Children = append(s.Fields[1].Children, &fields.Field{ID: 6, ParentID: 1, Name: "a.b", LogicalType: "int8", Nullable: true})
		}), ""},
		{"a zero byte in a member", grown(func(s *fields.Schema) {
			s.Fields[1].Children = append(s.Fields[1].Children, &fields.Field{ID: 6, ParentID: 1, Name: "a\x00b", LogicalType: "int8", Nullable: true})
		}), "has a zero byte"},
		{"a column of every table", grown(func(s *fields.Schema) { s.Fields[3].Name = "_rowid" }), "is a column of every table"},
		{"another order, one missing", appendOf(keep, "v", "id"), ""},
		{"a required column missing", appendOf(keep, "v"), "column id is missing"},
		{"a required member missing", appendOf(func(f *DataFile) { s := f.Schema.Fields[1]; s.Children = s.Children[:1] }, "id", "s"), "column s.b is missing"},
		{"the id of another column", appendOf(func(f *DataFile) { f.Schema.Fields[1].ID = 9 }, "id", "v"), "column v has field id 9, in the table 4"},
		{"a column the table lacks, under an id it has", appendOf(func(f *DataFile) { f.Schema.Fields[1].Name = "w" }, "id", "v"), "column w is not in the table"},
		{"another type", appendOf(func(f *DataFile) { f.Schema.Fields[1].LogicalType = "double" }, "id", "v"), "column v is double, in the table int64"},
		{"another nullability", appendOf(func(f *DataFile) { f.Schema.Fields[0].Nullable = true }, "id"), "nullable true"},
		{"another file version", appendOf(func(f *DataFile) { f.Minor = 2 }, "id"), "file version 2.2, the table 2.1"},
		{"no rows", appendOf(func(f *DataFile) { f.Rows = 0 }, "id"), "no rows"},
		{"ids without columns", appendOf(func(f *DataFile) { f.Columns = nil }, "id"), "1 fields in 0 columns"},
		{"one file twice", &Proposal{Operation: OpAppend, Files: []*DataFile{fileOf(part(base, "id")), fileOf(part(base, "id"))}}, "listed twice"},
		{"nothing to append", &Proposal{Operation: OpAppend}, "no file"},
		{"a new column", grown(func(*fields.Schema) {}), ""},
		{"a new column under a used id", grown(func(s *fields.Schema) { s.Fields[3].ID = 4 }), "ids below 5 are taken"},
		{"a new column that is required", grown(func(s *fields.Schema) { s.Fields[3].Nullable = false }), "column new is missing and not nullable"},
		{"two new columns under one id", grown(func(s *fields.Schema) {
			twin := *s.Fields[3]
			twin.Name = "twin"
			s.Fields = append(s.Fields, &twin)
		}), "shares field id 5"},
		{"a column dropped", grown(func(s *fields.Schema) { s.Fields = s.Fields[1:] }), "column id is not in the table"},
		{"no schema", &Proposal{Operation: OpProject}, "no schema"},
		{"config with a file", &Proposal{Operation: OpUpdateConfig, Files: []*DataFile{fileOf(part(base, "id"))}}, "takes no files"},
		{"config without a key", &Proposal{Operation: OpUpdateConfig}, "no config"},
		{"an operation that is not made here", &Proposal{Operation: OpClone}, "cannot be proposed"},
		{"a table made twice", &Proposal{Operation: OpCreate, Schema: part(base, "id")}, "the table has version 1"},
	} {
		err := verify(c.p, base)
		if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if err := verify(&Proposal{Operation: OpCreate, Schema: &fields.Schema{}}, nil); err == nil {
		t.Error("a table without columns passed")
	}
	if err := verify(appendOf(keep, "id"), nil); err == nil {
		t.Error("an append to nothing passed")
	}
}
