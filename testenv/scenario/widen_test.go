package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// foreign makes a table with the reference, of an id and a column of each type.
func (r *rig) foreign(topic, version string, rows int, columns ...arrow.Field) {
	r.t.Helper()
	fields := append([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, columns...)
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(-1 - i))
		for c := range columns {
			if i%3 == 2 {
				b.Field(c + 1).AppendNull()
				continue
			}
			appendSmall(b.Field(c+1), i%100)
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	if _, err := r.table(topic).Create(lanceref.WriteOptions{DataStorageVersion: version}, schema, rec); err != nil {
		r.t.Fatal(err)
	}
}

// appendSmall appends a number, or what stands for it in another type.
func appendSmall(b array.Builder, v int) {
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			appendSmall(b.FieldBuilder(i), v)
		}
	case *array.ListBuilder:
		b.Append(true)
		for range v % 3 {
			appendSmall(b.ValueBuilder(), v)
		}
	case *array.FixedSizeListBuilder:
		b.Append(true)
		for range 4 {
			appendSmall(b.ValueBuilder(), v)
		}
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	default:
		if err := b.AppendValueFromString(fmt.Sprint(v)); err != nil {
			panic(err)
		}
	}
}

func may(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

// Each change of type that the issue has, in tables of both file versions that others
// made: types, values of old and new rows, the old version with its type, and indices
// on other columns in use before and after.
func TestColumnsWiden(t *testing.T) {
	p := arrow.PrimitiveTypes
	for _, version := range []string{"2.1", "2.2"} {
		t.Run(version, func(t *testing.T) {
			r := newRig(t)
			r.foreign("t", version, 300,
				may("i8", p.Int8), may("i16", p.Int16), may("i32", p.Int32), may("i64", p.Int64), may("half", p.Int64),
				may("u8", p.Uint8), may("u16", p.Uint16), may("u32", p.Uint32), may("ufloat", p.Uint64),
				may("f32", p.Float32), may("day", p.Date32),
				may("o", arrow.StructOf(may("x", p.Int8), may("l", arrow.ListOf(arrow.StructOf(may("y", p.Uint8), may("z", p.Int32)))))),
				may("l", arrow.ListOf(p.Int16)), may("vec", arrow.FixedSizeListOf(4, p.Float32)),
			)
			ref := r.table("t")
			if _, err := ref.CreateScalarIndex("id", "BTREE"); err != nil {
				t.Fatal(err)
			}
			old, err := ref.Schema()
			if err != nil {
				t.Fatal(err)
			}
			r.send("t",
				`{"id":1,"i8":127,"i16":1,"i32":1,"i64":1,"half":1,"u8":1,"u16":1,"u32":1,"ufloat":1,"f32":0.5,"day":"1970-01-02","o":{"x":1,"l":[{"y":1}]},"l":[1]}`,
				`{"id":2,"i8":128,"i16":40000,"i32":3000000000,"i64":9007199254740993,"half":0.5,"u8":256,"u16":70000,"u32":5000000000,"ufloat":0.5,"f32":1e300,`+
					`"day":"1970-01-02T03:04:05.678901Z","o":{"x":-129,"l":[{"y":300,"z":1},{"y":null}]},"l":[40000,null]}`,
				`{"id":3,"i8":-1,"i16":-1,"half":-3,"f32":0.1,"day":"1970-01-03","o":{"l":[]},"l":[]}`,
			)
			r.writeAll()
			want(t, r.rows("t", "id", "i8", "i16", "i32", "i64", "half", "u8", "u16", "u32", "ufloat", "f32", "day", "o", "l"),
				`[1,127,1,1,1,1,1,1,1,1,0.5,"1970-01-02 00:00:00Z",{"l":[{"y":1,"z":null}],"x":1},[1]]`,
				`[2,128,40000,3000000000,9007199254740993,0.5,256,70000,5000000000,0.5,1e+300,"1970-01-02 03:04:05.678901Z",{"l":[{"y":300,"z":1},{"y":null,"z":null}],"x":-129},[40000,null]]`,
				`[3,-1,-1,null,null,-3,null,null,null,null,0.1,"1970-01-03 00:00:00Z",{"l":[],"x":null},[]]`,
			)
			requireTypes(t, ref, map[string]string{
				"i8": "int16", "i16": "int32", "i32": "int64", "i64": "int64", "half": "double", "u8": "uint16", "u16": "uint32", "u32": "uint64", "ufloat": "double",
				"f32": "double", "day": "timestamp[us, tz=UTC]", "l": "list<item: int32>",
				"o": "struct<x: int16, l: list<item: struct<y: uint16, z: int32>>>",
			})
			r.oldRows(ref, version)
			if again, err := ref.At(1).Schema(); err != nil || again != old {
				t.Errorf("version 1 is read as\n%s, %v; it was\n%s", again, err, old)
			}
			if list, err := ref.Indices(); err != nil || len(list) != 1 {
				t.Errorf("indices %v, %v", list, err)
			}
			// All of it fits now: no more changes.
			before := r.versions("t")
			r.send("t", `{"id":4,"i8":128,"half":1.5,"day":"1970-01-02T00:00:00.5Z"}`)
			r.writeAll()
			if after := r.versions("t"); after != before+1 {
				t.Errorf("%d versions after %d for a row that fits", after, before)
			}
		})
	}
}

// oldRows holds what foreign wrote against what the table has now.
func (r *rig) oldRows(ref *lanceref.Table, version string) {
	r.t.Helper()
	for _, filter := range []string{
		"id < 0 AND i8 = 7 AND i16 = 7 AND i32 = 7 AND half = 7 AND u8 = 7 AND u16 = 7 AND u32 = 7 AND ufloat = 7 AND f32 = 7 AND o.x = 7 AND day = timestamp '1970-01-08 00:00:00'",
	} {
		if n, err := ref.Count(filter); err != nil || n != 2 { // the 8th and 208th row; the 108th is null
			r.t.Errorf("%s: %d old rows with %s; %v", version, n, filter, err)
		}
	}
	if n, err := ref.Count("id < 0 AND i8 IS NULL AND half IS NULL AND day IS NULL AND o IS NULL AND l IS NULL"); err != nil || n != 100 {
		r.t.Errorf("%s: %d old nulls; %v", version, n, err)
	}
	if n, err := ref.Count("id < 0 AND array_length(l) = 2"); err != nil || n != 66 {
		r.t.Errorf("%s: %d old lists of 2; %v", version, n, err)
	}
}

// requireTypes holds the types of columns, as the reference names them, against some.
func requireTypes(t *testing.T, ref *lanceref.Table, want map[string]string) {
	t.Helper()
	text, err := ref.Schema()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text, "\n")
	for name, typ := range want {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.TrimSpace(line) == name+": "+typ }) {
			t.Errorf("column %s is not %s:\n%s", name, typ, text)
		}
	}
}

// versions is the number of the table's latest version.
func (r *rig) versions(topic string) int {
	r.t.Helper()
	list, err := r.table(topic).Versions()
	if err != nil {
		r.t.Fatal(err)
	}
	return len(list)
}

// What cannot be exact, or would take an index along, makes dead letters of those
// messages alone, that say why and no value.
func TestWhatStandsAgainstWidening(t *testing.T) {
	r := newRig(t)
	p := arrow.PrimitiveTypes
	r.foreign("t", "2.1", 30, may("indexed", p.Int8), may("big", p.Int64))
	if _, err := r.table("t").CreateScalarIndex("indexed", "BTREE"); err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"id":1,"big":9007199254740993}`)
	r.writeAll()
	attempts := 0
	count := func(c *bridge.Config) {
		c.BatchRows = 2
		c.Events.Reached = func(_ string, m bridge.Moment) {
			if m == bridge.MomentRewriting {
				attempts++
			}
		}
	}
	r.send("t", `{"id":2,"big":0.5}`, `{"id":3,"indexed":1}`, `{"id":4,"indexed":128}`, `{"id":5,"big":5}`, `{"id":6,"big":1.5}`, `{"id":7,"big":7}`)
	r.writeAll(count)
	want(t, r.rows("t", "id", "indexed", "big"), `[1,null,9007199254740993]`, `[3,1,null]`, `[5,null,5]`, `[7,null,7]`)
	dead := r.deadLetters("t")
	for seq, reason := range map[int]string{
		2: "field big: fraction does not fit int64: the table holds values of the column that are not exact as float64, and it is not declared with widen: float",
		4: `field indexed: integer out of range does not fit int8: the index "indexed_idx" stands on the column: drop it, and the type can change`,
		6: "field big: fraction does not fit int64: the table holds values of the column that are not exact as float64, and it is not declared with widen: float",
	} {
		msg := dead[fmt.Sprintf("persisting_dlq.t.0.%d", seq)]
		if msg == nil || msg.Header.Get("Pst-Error") != reason {
			t.Errorf("dead letter %d: %v", seq, msg)
		}
	}
	if len(dead) != 3 {
		t.Errorf("%d dead letters", len(dead))
	}
	if attempts > 1 {
		t.Errorf("what is refused was tried %d times", attempts)
	}
}

// Vector and scalar indices that the reference made before a column changes its type,
// another gets defaults and a third is new, are used after it, and by those who look at
// the version before.
func TestIndicesOutliveWidening(t *testing.T) {
	r := newRig(t)
	const rows = 600
	row := func(i int) string {
		vector := make([]string, 16)
		for d := range vector {
			vector[d] = fmt.Sprintf("%g", float64((i*37+d*11)%64)/4)
		}
		return fmt.Sprintf(`{"id":%d,"word":"w%d","n":%d,"embedding":[%s]}`, i, i%50, i, strings.Join(vector, ","))
	}
	r.publishAll("t", rows, row)
	r.writeAll()
	ref := r.table("t")
	for column, kind := range map[string]string{"id": "BTREE", "word": "BITMAP"} {
		if _, err := ref.CreateScalarIndex(column, kind); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ref.CreateVectorIndex("embedding", "IVF_FLAT", 4); err != nil {
		t.Fatal(err)
	}
	before := r.versions("t")
	search := lanceref.Search{Column: "embedding", Query: make([]float32, 16), K: 5, Columns: []string{"id"}, NProbes: 4}
	near := func(ref *lanceref.Table) string {
		t.Helper()
		found, err := ref.Nearest(search)
		if err != nil {
			t.Fatal(err)
		}
		defer found.Release()
		return fmt.Sprint(found)
	}
	was := near(ref)
	plans := func(what string) {
		t.Helper()
		var got map[string]string
		err := lanceref.Start(t).Eval(`import lance, numpy
d = lance.dataset(args)
result = {
    "id": d.scanner(filter="id = 77").explain_plan(True),
    "word": d.scanner(filter="word = 'w7'").explain_plan(True),
    "vector": d.scanner(nearest={"column": "embedding", "q": numpy.zeros(16, dtype="float32"), "k": 5}).explain_plan(True),
}`, ref.Dir(), &got)
		if err != nil {
			t.Fatal(err)
		}
		for query, sign := range map[string]string{"id": "ScalarIndexQuery", "word": "ScalarIndexQuery", "vector": "ANNIvfPartition"} {
			if !strings.Contains(got[query], sign) {
				t.Errorf("%s: the index is not used for %s:\n%s", what, query, got[query])
			}
		}
	}
	plans("before")
	r.send("t", `{"n":0.5}`, `{"n":1,"fresh":{"x":1}}`)
	r.writeAll()
	requireTypes(t, ref, map[string]string{"n": "double"})
	plans("after")
	list, err := ref.Indices()
	if err != nil || len(list) != 3 {
		t.Errorf("indices %v, %v", list, err)
	}
	for _, x := range list {
		if x.IndexedRows != rows || x.UnindexedRows != 2 {
			t.Errorf("index %s covers %d rows, and not %d", x.Name, x.IndexedRows, x.UnindexedRows)
		}
	}
	if now := near(ref); now != was {
		t.Errorf("found %s, before %s", now, was)
	}
	if n, err := ref.Count("word = 'w7' AND n = 7"); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	old := ref.At(uint64(before))
	if n, err := old.Count("id = 77 AND n = 77"); err != nil || n != 1 || near(old) != was {
		t.Errorf("the version before: %d rows, %v", n, err)
	}
	requireTypes(t, old, map[string]string{"n": "int64"})
}
