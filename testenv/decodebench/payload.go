//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// seed of the rows: they are the same in every run.
const seed = 5

// distinct rows, which is also how many a batch takes.
const distinct = 10_000

// unknownKeys are the names that the sixth field of a row may have. They change at
// random from row to row, so that no decoder knows what comes.
const unknownKeys = 8

// row is what a row holds: five columns, each null in one row of ten, and a field that
// no table has a column for unless it makes one of every key.
//
//	{"id":482137,"at":"2026-11-23T06:10:27Z","v":21.37,"k5":12,"ok":true,"tag":"t-4821"}
type row struct {
	id      int64
	at, tag string
	v       float64
	ok      bool
	null    [5]bool // id, at, v, ok, tag
	escaped bool    // the tag, in one row of ten: one string of twenty
	key     string
	value   int64
}

func makeRows() []row {
	r := rand.New(rand.NewPCG(seed, seed))
	began := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	rows := make([]row, distinct)
	for i := range rows {
		rows[i] = row{
			id: r.Int64N(1_000_000), at: began.Add(time.Duration(r.IntN(86_400)) * time.Second).Format(time.RFC3339),
			v: float64(r.IntN(100_000)) / 100, ok: r.IntN(2) == 0, tag: "t-" + strconv.Itoa(r.IntN(10_000)),
			escaped: r.IntN(10) == 0, key: "k" + strconv.Itoa(r.IntN(unknownKeys)), value: r.Int64N(100),
		}
		if rows[i].escaped {
			rows[i].tag = `"a" caf` + "\u00e9\n"
		}
		for k := range rows[i].null {
			rows[i].null[k] = r.IntN(10) == 0
		}
	}
	return rows
}

// json writes a row as it is published.
func (w row) json() []byte {
	tag := `"` + w.tag + `"`
	if w.escaped {
		tag = `"\"a\" caf\u00e9\n"`
	}
	texts := [5]string{strconv.FormatInt(w.id, 10), `"` + w.at + `"`, strconv.FormatFloat(w.v, 'f', -1, 64), strconv.FormatBool(w.ok), tag}
	for i := range texts {
		if w.null[i] {
			texts[i] = "null"
		}
	}
	return fmt.Appendf(nil, `{"id":%s,"at":%s,"v":%s,"%s":%d,"ok":%s,"tag":%s}`, texts[0], texts[1], texts[2], w.key, w.value, texts[3], texts[4])
}

// msgpack writes a row as a map of six. The shortest forms of all that occurs are used.
func (w row) msgpack() []byte {
	str := func(p []byte, s string) []byte { return append(append(p, 0xa0|byte(len(s))), s...) }
	values := [5][]byte{
		binary.BigEndian.AppendUint32([]byte{0xce}, uint32(w.id)),
		str(nil, w.at),
		binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(w.v)),
		{0xc2},
		str(nil, w.tag),
	}
	if w.ok {
		values[3][0] = 0xc3
	}
	p := []byte{0x86}
	for i, key := range []string{"id", "at", "v", "ok", "tag"} {
		if i == 3 {
			p = append(str(p, w.key), byte(w.value))
		}
		p = str(p, key)
		if w.null[i] {
			p = append(p, 0xc0)
		} else {
			p = append(p, values[i]...)
		}
	}
	return p
}

// payloads lie in one piece of memory without pointers, so that the collector's work is
// that which the decoder makes.
type payloads struct {
	bytes []byte
	ends  []int
}

func (p *payloads) add(one []byte) {
	p.bytes = append(p.bytes, one...)
	p.ends = append(p.ends, len(p.bytes))
}

// from are the payloads from the i-th on.
func (p *payloads) from(i int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		begin := 0
		if i > 0 {
			begin = p.ends[i-1]
		}
		for _, end := range p.ends[i:] {
			if !yield(p.bytes[begin:end:end]) {
				return
			}
			begin = end
		}
	}
}

// columns are those of the table.
func columns() []arrow.Field {
	return []arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "at", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "v", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "tag", Type: arrow.BinaryTypes.String, Nullable: true},
	}
}

// record has rows as Arrow, the unknown field under the name that it has in the first.
func record(rows []row) arrow.Record {
	unknown := arrow.Field{Name: rows[0].key, Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(append(columns(), unknown), nil))
	for _, w := range rows {
		put := [5]func(array.Builder){
			func(b array.Builder) { b.(*array.Int64Builder).Append(w.id) },
			func(b array.Builder) { b.(*array.StringBuilder).Append(w.at) },
			func(b array.Builder) { b.(*array.Float64Builder).Append(w.v) },
			func(b array.Builder) { b.(*array.BooleanBuilder).Append(w.ok) },
			func(b array.Builder) { b.(*array.StringBuilder).Append(w.tag) },
		}
		for i, append := range put {
			if w.null[i] {
				b.Field(i).AppendNull()
			} else {
				append(b.Field(i))
			}
		}
		b.Field(len(put)).(*array.Int64Builder).Append(w.value)
	}
	return b.NewRecord()
}

// stream writes rows as an Arrow IPC stream of one record batch.
func stream(rows []row) ([]byte, error) {
	var out bytes.Buffer
	rec := record(rows)
	w := ipc.NewWriter(&out, ipc.WithSchema(rec.Schema()))
	if err := w.Write(rec); err != nil {
		return nil, err
	}
	return out.Bytes(), w.Close()
}

// hostile are payloads that every measured decoder of JSON must refuse: the checks that
// the figures are taken with.
func hostile() map[string]string {
	const deep = 200
	nested := func(open, end string) string {
		return `{"k0":` + string(bytes.Repeat([]byte(open), deep)) + "1" + string(bytes.Repeat([]byte(end), deep)) + "}"
	}
	return map[string]string{
		"invalid UTF-8":                     "{\"tag\":\"\xff\"}",
		"invalid UTF-8, not declared":       "{\"k0\":\"\xc3(\"}",
		"invalid UTF-8 in a key":            "{\"k\xff\":1}",
		"an overlong form":                  "{\"tag\":\"\xc0\xaf\"}",
		"a surrogate in UTF-8":              "{\"tag\":\"\xed\xa0\x80\"}",
		"a lone surrogate":                  `{"tag":"\ud800"}`,
		"a lone surrogate, not declared":    `{"k0":"\udc00"}`,
		"a key twice":                       `{"id":1,"id":1}`,
		"a key twice, not declared":         `{"k0":1,"id":1,"k0":1}`,
		"a key twice, once escaped":         `{"id":1,"\u0069d":1}`,
		"a key twice, inside undeclared":    `{"k0":{"a":1,"a":1}}`,
		"objects too deep":                  nested(`{"a":`, "}"),
		"arrays too deep":                   nested("[", "]"),
		"an integer beyond int64":           `{"id":9223372036854775808}`,
		"an integer with a fraction":        `{"id":1.5}`,
		"an integer not exact as a float64": `{"v":9007199254740993}`,
		"a float beyond its range":          `{"v":1e400}`,
		"NaN":                               `{"v":NaN}`,
		"a leading zero":                    `{"id":01}`,
		"a leading plus":                    `{"id":+1}`,
		"no digit behind the point":         `{"v":1.}`,
		"a number of 2,000 digits":          `{"k0":` + string(bytes.Repeat([]byte("1"), 2000)) + `}`,
		"a control character":               "{\"tag\":\"a\nb\"}",
		"an unknown escape":                 `{"tag":"\x"}`,
		"a string for an integer":           `{"id":"1"}`,
		"a comma too many":                  `{"id":1,}`,
		"a reserved name":                   `{"_nats_x":1}`,
		"something behind the row":          `{"id":1}x`,
		"cut off":                           `{"id":1`,
		"no row":                            ` `,
	}
}
