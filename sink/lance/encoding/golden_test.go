package encoding_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// fromJSON is an array of a type.
func fromJSON(t testing.TB, dt arrow.DataType, text string) arrow.Array {
	t.Helper()
	arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return arr
}

// shred is the only leaf of an array.
func shred(t testing.TB, arr arrow.Array) repdef.Leaf {
	t.Helper()
	leaves, err := repdef.Shred(arr, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	if len(leaves) != 1 {
		t.Fatalf("%d leaves", len(leaves))
	}
	return leaves[0]
}

// stored is a page that outlives its encoder.
type stored struct {
	rows        int
	description []byte
	buffers     [][]byte
}

func encode(t testing.TB, o encoding.Options, leaf repdef.Leaf) []stored {
	t.Helper()
	return encodeAs(t, o, leaf, encoding.Settings{})
}

func encodeAs(t testing.TB, o encoding.Options, leaf repdef.Leaf, s encoding.Settings) []stored {
	t.Helper()
	e, err := encoding.NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	var pages []stored
	err = e.Encode(leaf, s, func(p encoding.Page) error {
		s := stored{rows: p.Rows, description: p.Description}
		for _, b := range p.Buffers {
			s.buffers = append(s.buffers, append([]byte(nil), b...))
		}
		pages = append(pages, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// golden is a page: what it holds, and its bytes in hex.
type golden struct {
	name        string
	dt          arrow.DataType
	rows        string
	description string
	buffers     []string
}

// check encodes the rows and compares.
func (c golden) check(t *testing.T, o encoding.Options) {
	pages := encode(t, o, shred(t, fromJSON(t, c.dt, c.rows)))
	if len(pages) != 1 || len(pages[0].buffers) != len(c.buffers) {
		t.Fatalf("%d pages, or a wrong number of buffers", len(pages))
	}
	expectHex(t, "description", pages[0].description, c.description)
	for i, b := range pages[0].buffers {
		expectHex(t, "buffer", b, c.buffers[i])
	}
}

// Pages that another writer made byte for byte like this were read right by
// the reference.
func TestGoldenPages(t *testing.T) {
	for _, c := range []golden{
		{
			"int64", arrow.PrimitiveTypes.Int64, `[1, 2, 3]`,
			"0a0d 1a040a020840 320101 3801 4803",
			[]string{"3000", "0000 1800 fefefefe 0100000000000000 0200000000000000 0300000000000000"},
		},
		{
			"utf8 with a null", arrow.BinaryTypes.String, `["ab", null, "c"]`,
			"0a17 12040a020810 1a0812060a040a020820 320103 3801 4803",
			[]string{"4000", "0300 0600 1400 fefe 0000 0100 0000 fefe 10000000 12000000 12000000 13000000 616263 48 fefefefe"},
		},
		{
			"list of int64", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[7, null], null, []]`,
			"0a1c 0a040a020810 12040a020810 1a040a020840 32020306 3801 4001 4802",
			[]string{
				"4000",
				"0400 0800 0800 1000 0100 0000 0100 0100 0000 0100 0200 0300 0700000000000000 0000000000000000",
				"0300000000000000 0000000000000000",
			},
		},
		{
			"all null", arrow.PrimitiveTypes.Float32, `[null, null]`,
			"1203 2a0103",
			nil,
		},
		{
			"no item", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[], null]`,
			"1204 2a020106",
			[]string{"0100 0100", "0200 0100"},
		},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, encoding.Options{}) })
	}
}

// The same in 2.2.
func TestGoldenWidePages(t *testing.T) {
	for _, c := range []golden{
		{
			"int64", arrow.PrimitiveTypes.Int64, `[1, 2, 3]`,
			"0a0f 1a040a020840 320101 3801 4803 5001",
			[]string{"30000000", "0000 18000000 fefe 0100000000000000 0200000000000000 0300000000000000"},
		},
		{
			"utf8 with a null", arrow.BinaryTypes.String, `["ab", null, "c"]`,
			"0a19 12040a020810 1a0812060a040a020820 320103 3801 4803 5001",
			[]string{"40000000", "0300 0600 14000000 0000 0100 0000 fefe 10000000 12000000 12000000 13000000 616263 48 fefefefe"},
		},
		{
			"list of int64", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[7, null, 9], null, []]`,
			"0a1e 0a040a020810 12040a020810 1a040a020840 32020306 3801 4001 4803 5001",
			[]string{
				"80000000",
				"0500 0a00 0a00 18000000 fefefefefefe 0100 0000 0000 0100 0100 fefefefefefe 0000 0100 0000 0200 0300 fefefefefefe " +
					"0700000000000000 0000000000000000 0900000000000000",
				"0300000000000000 0000000000000000",
			},
		},
		{
			"one number", arrow.PrimitiveTypes.Int16, `[258, 258]`,
			"1207 2a0101 3202 0201",
			nil,
		},
		{
			"one text", arrow.BinaryTypes.String, `["same", "same"]`,
			"1203 2a0101",
			[]string{"02000000 08000000 04000000 00000000 04000000 73616d65"},
		},
		{
			"one item", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[7, null], null, []]`,
			"120e 2a020306 3208 0700000000000000",
			[]string{"0100 0000 0100 0100", "0000 0100 0200 0300"},
		},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, encoding.Options{Version: encoding.V2_2}) })
	}
}

func expectHex(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if g, w := hex.EncodeToString(got), strings.ReplaceAll(want, " ", ""); g != w {
		t.Errorf("%s\n got %s\nwant %s", what, g, w)
	}
}
