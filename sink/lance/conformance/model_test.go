package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// cell is a value: an entry of an array.
type cell struct {
	in arrow.Array
	at int
}

// model is what a table has to hold: rows by id, and per row the cells that
// were ever given a value. Columns without a cell are null.
type model struct {
	rand   *rand.Rand
	schema *arrow.Schema
	rows   map[int64]map[string]cell
	nextID int64
}

// newModel is an empty table with one column of each sort.
func newModel(r *rand.Rand) *model {
	nullable := func(name string, kind arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: kind, Nullable: true}
	}
	point := structOf(arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String)
	return &model{rand: r, rows: map[int64]map[string]cell{}, schema: arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		nullable("v", arrow.FixedSizeListOf(8, arrow.PrimitiveTypes.Float32)),
		nullable("s", arrow.BinaryTypes.String),
		nullable("t", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}),
		nullable("st", point),
		nullable("l", arrow.ListOf(arrow.PrimitiveTypes.Int32)),
		nullable("ls", arrow.ListOf(point)),
	}, nil)}
}

// fresh makes rows with new ids in the given columns.
func (m *model) fresh(rows int, columns ...string) arrow.Record {
	var fields []arrow.Field
	var arrays []arrow.Array
	for _, f := range m.schema.Fields() {
		if f.Nullable && columns != nil && !slices.Contains(columns, f.Name) {
			continue
		}
		fields = append(fields, f)
		arrays = append(arrays, m.values(f, rows))
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(rows))
}

func (m *model) values(f arrow.Field, rows int) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, f.Type)
	defer b.Release()
	fill := &filler{Rand: m.rand, column: column{f.Type, someNulls, wild}}
	for range rows {
		switch b := b.(type) {
		case *array.FixedSizeListBuilder: // a vector to search for
			b.Append(true)
			for range 8 {
				b.ValueBuilder().(*array.Float32Builder).Append(m.rand.Float32())
			}
		case *array.Int64Builder:
			if f.Name == "id" {
				b.Append(m.nextID)
				m.nextID++
				continue
			}
			fill.add(b, f)
		default:
			fill.add(b, f)
		}
	}
	return b.NewArray()
}

// put adds the rows of a record, in place of those with the same id.
func (m *model) put(rec arrow.Record) {
	for i := range int(rec.NumRows()) {
		cells := map[string]cell{}
		for k, c := range rec.Columns() {
			cells[rec.ColumnName(k)] = cell{c, i}
		}
		m.rows[idOf(rec, i)] = cells
	}
}

func idOf(rec arrow.Record, i int) int64 {
	return rec.Column(rec.Schema().FieldIndices("id")[0]).(*array.Int64).Value(i)
}

// set gives a column a value in the rows that match.
func (m *model) set(name string, match func(id int64) bool, value func(id int64) cell) {
	for id, cells := range m.rows {
		if match(id) {
			cells[name] = value(id)
		}
	}
}

// remove deletes the rows that match.
func (m *model) remove(match func(id int64) bool) {
	for id := range m.rows {
		if match(id) {
			delete(m.rows, id)
		}
	}
}

// addField adds a column.
func (m *model) addField(f arrow.Field) {
	m.schema = arrow.NewSchema(append(m.schema.Fields(), f), nil)
}

// addMember adds a nullable member to the struct column of a name.
func (m *model) addMember(name string, member arrow.Field) {
	fields := m.schema.Fields()
	at := m.schema.FieldIndices(name)[0]
	fields[at].Type = arrow.StructOf(append(fields[at].Type.(*arrow.StructType).Fields(), member)...)
	m.schema = arrow.NewSchema(fields, nil)
}

// dropField removes a column and forgets its values.
func (m *model) dropField(name string) {
	m.schema = arrow.NewSchema(slices.DeleteFunc(m.schema.Fields(), func(f arrow.Field) bool { return f.Name == name }), nil)
	for _, cells := range m.rows {
		delete(cells, name)
	}
}

// require compares a table, read in whatever order, with the model.
func (m *model) require(t *testing.T, who string, got arrow.Table) {
	t.Helper()
	if ids := m.requireRows(t, who, got); len(ids) != len(m.rows) {
		t.Errorf("%s has %d rows, want %d", who, len(ids), len(m.rows))
	}
}

// requireRows compares some rows with the model, and returns their ids; none
// may be there twice.
func (m *model) requireRows(t *testing.T, who string, got arrow.Table) []int64 {
	t.Helper()
	if want, have := fieldTypes(m.schema), fieldTypes(got.Schema()); want != have {
		t.Fatalf("%s has the columns\n%s\nwant\n%s", who, have, want)
	}
	var ids []int64
	reader := array.NewTableReader(got, 0)
	defer reader.Release()
	for reader.Next() {
		for i := range int(reader.Record().NumRows()) {
			m.requireRow(t, who, reader.Record(), i)
			ids = append(ids, idOf(reader.Record(), i))
		}
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(ids))); len(distinct) != len(ids) {
		t.Fatalf("%s has %d rows, but only %d ids", who, len(ids), len(distinct))
	}
	return ids
}

func (m *model) requireRow(t *testing.T, who string, rec arrow.Record, i int) {
	t.Helper()
	id := idOf(rec, i)
	cells, ok := m.rows[id]
	if !ok {
		t.Fatalf("%s has row %d, which was deleted", who, id)
	}
	for k, c := range rec.Columns() {
		want, ok := cells[rec.ColumnName(k)]
		if !ok && !c.IsNull(i) || ok && !sameEntry(c, i, want.in, want.at) {
			t.Fatalf("%s: column %s of row %d is %s, want %v", who, rec.ColumnName(k), id, c.ValueStr(i), want)
		}
	}
}

// fieldTypes prints names, types and nullability.
func fieldTypes(s *arrow.Schema) string {
	text := ""
	for _, f := range s.Fields() {
		text += fmt.Sprintf("%s %s %v\n", f.Name, f.Type, f.Nullable)
	}
	return text
}

// String prints the value, or that there is none.
func (c cell) String() string {
	if c.in == nil {
		return "null"
	}
	return c.in.ValueStr(c.at)
}
