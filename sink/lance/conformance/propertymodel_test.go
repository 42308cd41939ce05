package conformance_test

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// sheet is what one version of a table holds, in plain Go. It is never changed once
// it is the content of a version: changes are made to a copy.
type sheet struct {
	fields []arrow.Field
	rows   []members // one value a field; their first one is the id
	config map[string]string
}

// The values of rows: nil for null, int64 or uint64 for integers, f32 and f64 for
// floats, text, blob, bool, members, items; packed is any other, as stored bytes.
type (
	members []any
	items   []any
	f32     uint32 // its bits, so that a NaN equals itself
	f64     uint64
	text    string
	blob    string
	packed  string
)

func (s *sheet) clone() *sheet {
	return &sheet{slices.Clone(s.fields), slices.Clone(s.rows), maps.Clone(s.config)}
}

// rowsOf turns records into rows.
func rowsOf(recs ...arrow.Record) []members {
	var rows []members
	for _, rec := range recs {
		for i := range int(rec.NumRows()) {
			row := make(members, rec.NumCols())
			for k, c := range rec.Columns() {
				row[k] = valueOf(c, i)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func valueOf(in arrow.Array, i int) any {
	if in.IsNull(i) || in.DataType().ID() == arrow.NULL {
		return nil
	}
	switch in := in.(type) {
	case *array.Dictionary:
		return valueOf(in.Dictionary(), in.GetValueIndex(i))
	case *array.Struct:
		v := make(members, in.NumField())
		for k := range v {
			v[k] = valueOf(in.Field(k), i)
		}
		return v
	case array.ListLike:
		from, to := in.ValueOffsets(i)
		v := make(items, 0, to-from)
		for k := from; k < to; k++ {
			v = append(v, valueOf(in.ListValues(), int(k)))
		}
		return v
	case *array.Boolean:
		return in.Value(i)
	case *array.Float32:
		return f32(math.Float32bits(in.Value(i)))
	case *array.Float64:
		return f64(math.Float64bits(in.Value(i)))
	case *array.String, *array.LargeString:
		return text(valueBytes(in, i))
	case *array.Binary, *array.LargeBinary:
		return blob(valueBytes(in, i))
	}
	if n, ok := integerOf(in, i); ok {
		return n
	}
	return packed(valueBytes(in, i))
}

// integerOf is an int64 where the number is one, else a uint64.
func integerOf(in arrow.Array, i int) (any, bool) {
	switch in := in.(type) {
	case *array.Int8:
		return int64(in.Value(i)), true
	case *array.Int16:
		return int64(in.Value(i)), true
	case *array.Int32:
		return int64(in.Value(i)), true
	case *array.Int64:
		return in.Value(i), true
	case *array.Uint8:
		return int64(in.Value(i)), true
	case *array.Uint16:
		return int64(in.Value(i)), true
	case *array.Uint32:
		return int64(in.Value(i)), true
	case *array.Uint64:
		if v := in.Value(i); v > math.MaxInt64 {
			return v, true
		}
		return int64(in.Value(i)), true
	}
	return nil, false
}

// mapAt replaces the values at a path of places. A list has one place, for all of
// its items; what lies below a null is left alone.
func mapAt(v any, path []int, change func(any) any) any {
	if len(path) == 0 {
		return change(v)
	}
	switch v := v.(type) {
	case members:
		v = slices.Clone(v)
		v[path[0]] = mapAt(v[path[0]], path[1:], change)
		return v
	case items:
		v = slices.Clone(v)
		for i := range v {
			v[i] = mapAt(v[i], path[1:], change)
		}
		return v
	}
	return v
}

// mapRows does that to every row; the path begins with a column.
func (s *sheet) mapRows(path []int, change func(any) any) {
	for i, row := range s.rows {
		s.rows[i] = mapAt(row, path, change).(members)
	}
}

// mapFields changes the fields of the struct at a path, which is the table itself
// where it is empty.
func (s *sheet) mapFields(path []int, change func([]arrow.Field) []arrow.Field) {
	s.fields = mapFields(slices.Clone(s.fields), path, change)
}

func mapFields(fields []arrow.Field, path []int, change func([]arrow.Field) []arrow.Field) []arrow.Field {
	if len(path) == 0 {
		return change(fields)
	}
	f := &fields[path[0]]
	switch t := f.Type.(type) {
	case *arrow.StructType:
		f.Type = arrow.StructOf(mapFields(t.Fields(), path[1:], change)...)
	case *arrow.ListType:
		f.Type = arrow.ListOfField(mapFields(t.Fields(), path[1:], change)[0])
	case *arrow.LargeListType:
		f.Type = arrow.LargeListOfField(mapFields(t.Fields(), path[1:], change)[0])
	}
	return fields
}

// place is a field somewhere in the tree.
type place struct {
	path     []int
	names    []string
	field    arrow.Field
	siblings int
	item     bool // what a list holds
	whole    bool // in a large list: every file has all members
}

func (p *place) parent() []int { return p.path[:len(p.path)-1] }

// places lists all fields but the id and what is in maps.
func (s *sheet) places() []place {
	return placesOf(s.fields, place{})[1:]
}

func placesOf(fields []arrow.Field, in place) []place {
	var all []place
	for i, f := range fields {
		p := place{
			path: append(slices.Clone(in.path), i), names: append(slices.Clone(in.names), f.Name),
			field: f, siblings: len(fields) - 1, whole: in.whole,
		}
		if in.field.Type != nil && in.field.Type.ID() != arrow.STRUCT {
			p.names[len(p.names)-1], p.item = "item", true
			p.whole = p.whole || in.field.Type.ID() == arrow.LARGE_LIST
		}
		all = append(all, p)
		switch t := f.Type.(type) {
		case *arrow.StructType:
			all = append(all, placesOf(t.Fields(), p)...)
		case *arrow.ListType:
			all = append(all, placesOf(t.Fields(), p)...)
		case *arrow.LargeListType:
			all = append(all, placesOf(t.Fields(), p)...)
		}
	}
	return all
}

// describe prints fields with types and nullability at every depth.
func describe(fields []arrow.Field) string {
	out := ""
	for _, f := range fields {
		kind := f.Type.String()
		switch t := f.Type.(type) {
		case *arrow.FixedSizeListType:
			kind = fmt.Sprintf("%d of %s", t.Len(), t.Elem())
		case arrow.NestedType:
			kind = fmt.Sprintf("%s{%s}", t.Name(), describe(t.Fields()))
		}
		out += fmt.Sprintf("%s %s %v; ", f.Name, kind, f.Nullable)
	}
	return out
}
