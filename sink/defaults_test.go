package sink_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

func withDefault(name string, t arrow.DataType, text string) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true, Metadata: arrow.NewMetadata([]string{schema.KeyDefault}, []string{text})}
}

// A declared column with a default comes into a table with rows: these get it, nothing
// else of them is written anew, and of two workers that add it at once one does.
func TestDefaultsOfOldRows(t *testing.T) {
	store := memstore.New()
	declared := &schema.Declaration{Fields: []arrow.Field{
		withDefault("d", arrow.PrimitiveTypes.Int16, "7"), withDefault("word", arrow.BinaryTypes.String, `"none"`),
		withDefault("l", arrow.ListOf(arrow.PrimitiveTypes.Int8), "[1,2]"),
		{Name: "plain", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
	}}
	plain := newWorker(t, store)
	plain.commit(numbered(1, `{"n":1}`))
	plain.commit(numbered(2, `{"n":2}`, `{"n":3}`))
	late := newWorker(t, store)
	late.declared = declared
	files, raced := 0, false
	w := newWorker(t, store, func(c *sink.Config) {
		c.Events.FileFinished = func(string) { files++ }
		c.Rewriting = func() {
			if !raced {
				raced = true
				plain.commit(numbered(4, `{"n":4}`))
				late.commit(numbered(5, `{"n":5,"d":null,"plain":1}`))
			}
		}
	})
	w.declared = declared
	if res := w.commit(numbered(6, `{"n":6}`, `{"n":7,"d":8,"word":"x"}`)); res.Rows != 2 || len(res.NewColumns) != 0 {
		t.Errorf("got %+v", res)
	}
	if files > 5 {
		t.Errorf("%d files were written", files)
	}
	d := latest(t, store)
	requireRows(t, d, []string{"_nats_seq", "n", "d", "word", "l", "plain"},
		"1 1 7 none [1,2] (null)", "2 2 7 none [1,2] (null)", "3 3 7 none [1,2] (null)", "4 4 7 none [1,2] (null)",
		"5 5 (null) none [1,2] 1", "6 6 7 none [1,2] (null)", "7 7 8 x [1,2] (null)")
	// A worker that knows nothing of the declaration goes by the table.
	plain.commit(numbered(8, `{"n":8}`))
	requireRows(t, latest(t, store), []string{"_nats_seq", "d"}, "1 7", "2 7", "3 7", "4 7", "5 (null)", "6 7", "7 8", "8 7")
}

// Members with defaults come into structs that are there, at the top, in structs and in
// lists: old structs get them, those that are null stay so, and of two workers one adds
// them.
func TestDefaultsOfNewMembers(t *testing.T) {
	store := memstore.New()
	x := arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	d := withDefault("d", arrow.PrimitiveTypes.Int16, "7")
	nullable := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	declared := &schema.Declaration{Fields: []arrow.Field{
		nullable("o", arrow.StructOf(x, d, nullable("in", arrow.StructOf(x, withDefault("w", arrow.ListOf(arrow.BinaryTypes.String), `["a"]`), withDefault("none", arrow.PrimitiveTypes.Int8, "null"))))),
		nullable("l", arrow.ListOf(arrow.StructOf(x, withDefault("deep", arrow.StructOf(x), `{"x":1}`)))),
	}}
	plain := newWorker(t, store)
	plain.commit(numbered(1, `{"o":{"x":1,"in":{"x":1}},"l":[{"x":1},null,{"x":2}]}`, `{"o":null,"l":[]}`, `{"o":{"in":null}}`))
	plain.commit(numbered(4, `{"n":1}`)) // a fragment without the structs
	late := newWorker(t, store)
	late.declared = declared
	raced := false
	w := newWorker(t, store, func(c *sink.Config) {
		c.Rewriting = func() {
			if !raced {
				raced = true
				plain.commit(numbered(5, `{"o":{"x":5},"l":[{"x":5}]}`))
				late.commit(numbered(6, `{"o":{"x":6,"d":null}}`))
			}
		}
	})
	w.declared = declared
	w.commit(numbered(7, `{"o":{"x":7,"in":{}},"l":[{}]}`, `{"o":null}`))
	plain.commit(numbered(9, `{"o":{"x":9}}`))
	requireRows(t, latest(t, store), []string{"_nats_seq", "o", "l"},
		`1 {"d":7,"in":{"none":null,"w":["a"],"x":1},"x":1} [{"deep":{"x":1},"x":1},null,{"deep":{"x":1},"x":2}]`,
		`2 (null) []`,
		`3 {"d":7,"in":null,"x":null} (null)`,
		`4 (null) (null)`,
		`5 {"d":7,"in":null,"x":5} [{"deep":{"x":1},"x":5}]`,
		`6 {"d":null,"in":null,"x":6} (null)`,
		`7 {"d":7,"in":{"none":null,"w":["a"],"x":null},"x":7} [{"deep":{"x":1},"x":null}]`,
		`8 (null) (null)`,
		`9 {"d":7,"in":null,"x":9} (null)`,
	)
}
