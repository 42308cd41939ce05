package conformance_test

import (
	"math/rand/v2"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// leafTypes are all types without structs, lists and maps. The keys of dictionaries
// count the values of a whole table: the reference joins those of all fragments.
func leafTypes() []arrow.DataType {
	number, text := arrow.PrimitiveTypes, arrow.BinaryTypes
	return slices.Concat(flat(), rare()[:16], []arrow.DataType{
		indexedBy(number.Int16, text.String), indexedBy(number.Int32, text.Binary), indexedBy(number.Uint32, number.Float64),
		indexedBy(number.Uint64, number.Int16), indexedBy(number.Int64, text.LargeString),
	})
}

// uniform draws one of n numbers, all alike likely, which rapid's own ranges are not.
func uniform(n int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		v := 0
		for range 10 {
			v <<= 1
			if rapid.Bool().Draw(t, "bit") {
				v++
			}
		}
		return v * n >> 10
	})
}

// drawOne draws one of some values.
func drawOne[T any](t *rapid.T, label string, from []T) T {
	return from[uniform(len(from)).Draw(t, label)]
}

// drawKind draws a type, nested up to some depth.
func (p *play) drawKind(t *rapid.T, depth int) arrow.DataType {
	kinds := 7
	if p.version == file.V2_2 {
		kinds = 8
	}
	if depth == 0 {
		kinds = 1
	}
	switch uniform(kinds).Draw(t, "shape") - 3 {
	case 1:
		return arrow.StructOf(p.drawFields(t, depth-1, rapid.IntRange(1, 3).Draw(t, "members"))...)
	case 2:
		return arrow.ListOfField(p.drawField(t, "item", depth-1))
	case 3:
		return arrow.LargeListOfField(p.drawField(t, "item", depth-1))
	case 4:
		m := arrow.MapOf(arrow.BinaryTypes.String, p.drawKind(t, depth-1))
		m.SetItemNullable(rapid.Bool().Draw(t, "nullable") || m.ItemType().ID() == arrow.NULL)
		return m
	default:
		return drawOne(t, "leaf", leafTypes())
	}
}

func (p *play) drawField(t *rapid.T, name string, depth int) arrow.Field {
	kind := p.drawKind(t, depth)
	return arrow.Field{Name: name, Type: kind, Nullable: rapid.Bool().Draw(t, "nullable") || kind.ID() == arrow.NULL}
}

func (p *play) drawFields(t *rapid.T, depth, n int) []arrow.Field {
	fields := make([]arrow.Field, n)
	for i := range fields {
		fields[i] = p.drawField(t, p.newName("c"), depth)
	}
	return fields
}

// drawNullable is a nullable field with a new name.
func (p *play) drawNullable(t *rapid.T) arrow.Field {
	f := p.drawField(t, p.newName("n"), 2)
	f.Nullable = true
	return f
}

// drawTable draws the fields of a whole table.
func (p *play) drawTable(t *rapid.T) []arrow.Field {
	id := arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}
	return append([]arrow.Field{id}, p.drawFields(t, 3, rapid.IntRange(1, 5).Draw(t, "columns"))...)
}

// drawRecord draws rows of some fields; the field "id" gets new ids.
func (p *play) drawRecord(t *rapid.T, fields []arrow.Field, rows int) arrow.Record {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "values"), 0))
	columns := make([]arrow.Array, len(fields))
	for i, f := range fields {
		plain := arrow.Field{Type: dictionary.PlainType(f.Type), Nullable: f.Nullable}
		b := array.NewBuilder(memory.DefaultAllocator, plain.Type)
		fill := &filler{Rand: r, column: column{f.Type, nullness(r.IntN(4)), flavour(r.IntN(4))}}
		for range rows {
			if i == 0 && f.Name == "id" {
				b.(*array.Int64Builder).Append(p.nextID)
				p.nextID++
				continue
			}
			fill.add(b, plain)
		}
		columns[i] = indexed(b.NewArray(), f.Type)
		b.Release()
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, int64(rows))
}

// drawPart draws which columns an append has: the id, those that are not nullable,
// and some of the others.
func drawPart(t *rapid.T, fields []arrow.Field) []arrow.Field {
	if rapid.Bool().Draw(t, "all columns") {
		return slices.Clone(fields)
	}
	return slices.DeleteFunc(slices.Clone(fields), func(f arrow.Field) bool {
		return f.Nullable && rapid.Bool().Draw(t, "without "+f.Name)
	})
}

// drawPlace draws a field that fits, and gives the step up if there is none.
func drawPlace(t *rapid.T, s *sheet, fits func(place) bool) place {
	all := slices.DeleteFunc(s.places(), func(p place) bool { return !fits(p) })
	if len(all) == 0 {
		t.Skip("no such column")
	}
	return drawOne(t, "column", all)
}

// spread gives rows of some fields the width of the table.
func (s *sheet) spread(fields []arrow.Field, rows []members) []members {
	out := make([]members, len(rows))
	for i := range rows {
		out[i] = make(members, len(s.fields))
		for k, f := range s.fields {
			if at := slices.IndexFunc(fields, func(x arrow.Field) bool { return x.Name == f.Name }); at >= 0 {
				out[i][k] = rows[i][at]
			}
		}
	}
	return out
}
