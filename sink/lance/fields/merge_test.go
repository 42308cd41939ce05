package fields_test

import (
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

func TestMergeAddsAtEveryDepth(t *testing.T) {
	base := mustSchema(t, sample())
	before := lines(base)
	add := schemaOf(
		nullable("new", arrow.StructOf(nullable("q", arrow.PrimitiveTypes.Int8), arrow.Field{Name: "r", Type: arrow.PrimitiveTypes.Int8})),
		nullable("ls", arrow.ListOfField(nullable("element", arrow.StructOf(nullable("z", arrow.PrimitiveTypes.Int8), nullable("x", arrow.PrimitiveTypes.Float64))))),
		nullable("s", arrow.StructOf(nullable("p", arrow.StructOf(nullable("z", arrow.BinaryTypes.String))), nullable("b", arrow.PrimitiveTypes.Int8))),
		arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	)
	merged, added, err := fields.Merge(base, add, 20)
	if err != nil {
		t.Fatal(err)
	}
	equalLines(t, lines(merged), []string{
		"0 -1 id int64",
		"1 -1 s struct", "2 1 s.a string", "3 1 s.p struct", "4 3 s.p.x double", "5 3 s.p.y double", "20 3 s.p.z string", "21 1 s.b int8",
		"6 -1 l list", "7 6 l.item int32",
		"8 -1 ls list.struct", "9 8 ls.item struct", "10 9 ls.item.x double", "11 9 ls.item.y double", "22 9 ls.item.z int8",
		"12 -1 v fixed_size_list:float:8", `13 -1 a\.b int8`,
		"23 -1 new struct", "24 23 new.q int8", "25 23 new.r int8",
	})
	equalLines(t, strings.Fields(strings.ReplaceAll(joined(added), ",", " ")), []string{"s.p.z", "s.b", "ls.item.z", "new"})
	equalLines(t, lines(base), before)

	again, added, err := fields.Merge(merged, add, 26)
	if err != nil || len(added) != 0 {
		t.Errorf("merging the same again adds %v, %v", added, err)
	}
	equalLines(t, lines(again), lines(merged))
}

func joined(ps []fields.Path) string {
	var parts []string
	for _, p := range ps {
		parts = append(parts, p.String())
	}
	return strings.Join(parts, ",")
}

func TestMergeRefuses(t *testing.T) {
	base := mustSchema(t, sample())
	for _, c := range []struct {
		name, in string
		next     int32
		add      *arrow.Schema
	}{
		{"another type", "id is int64 in the table, not string", 14, schemaOf(nullable("id", arrow.BinaryTypes.String))},
		{"another item", "l.item", 14, schemaOf(nullable("l", arrow.ListOf(arrow.PrimitiveTypes.Int64)))},
		{"a struct for its item", "l.item is int32", 14, schemaOf(nullable("l", arrow.ListOf(arrow.StructOf(nullable("x", arrow.Null)))))},
		{"another vector length", "fixed_size_list:float:8", 14, schemaOf(nullable("v", arrow.FixedSizeListOf(9, arrow.PrimitiveTypes.Float32)))},
		{"not nullable", "s.n: a column can only be added", 14, schemaOf(nullable("s", arrow.StructOf(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int8})))},
		{"id in use", "next field id 13", 13, schemaOf()},
		{"ids used up", "used up", math.MaxInt32, schemaOf(nullable("n", arrow.Null))},
	} {
		if _, _, err := fields.Merge(base, c.add, c.next); err == nil || !strings.Contains(err.Error(), c.in) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.in)
		}
	}
}

func TestProjectFollowsTheRecord(t *testing.T) {
	base := mustSchema(t, sample())
	got, err := base.Project(schemaOf(
		nullable("v", arrow.FixedSizeListOf(8, arrow.PrimitiveTypes.Float32)),
		nullable("s", arrow.StructOf(nullable("p", arrow.StructOf(nullable("y", arrow.PrimitiveTypes.Float64))))),
		nullable("ls", arrow.ListOf(arrow.StructOf(nullable("y", arrow.PrimitiveTypes.Float64), nullable("x", arrow.PrimitiveTypes.Float64)))),
	))
	if err != nil {
		t.Fatal(err)
	}
	equalLines(t, lines(got), []string{
		"12 -1 v fixed_size_list:float:8",
		"1 -1 s struct", "3 1 s.p struct", "5 3 s.p.y double",
		"8 -1 ls list.struct", "9 8 ls.item struct", "11 9 ls.item.y double", "10 9 ls.item.x double",
	})
	if _, err := base.Project(schemaOf(nullable("nope", arrow.Null))); err == nil || !strings.Contains(err.Error(), "column nope is not in the table") {
		t.Errorf("an unknown column: %v", err)
	}
	if _, err := base.Project(schemaOf(nullable("id", arrow.Null))); err == nil {
		t.Error("another type passed")
	}
}

func FuzzPath(f *testing.F) {
	f.Add(`a\.b.c`)
	f.Fuzz(func(t *testing.T, s string) {
		parts := fields.Path(s).Parts()
		p := fields.MakePath(parts...)
		if again := p.Parts(); strings.Join(again, "\x00") != strings.Join(parts, "\x00") || len(again) != len(parts) {
			t.Errorf("%q: parts %q, then %q", s, parts, again)
		}
		_ = p.String()
	})
}
