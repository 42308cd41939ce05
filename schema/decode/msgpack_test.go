package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
)

// object is a map in the order in which it is written.
type object []any // key, value, key, value

type instant struct {
	sec  int64
	nano uint32
	size int // 4, 8 or 12 bytes
}

type raw string // bytes that are written as they are

// pack writes a value as MessagePack, in the shortest form, r mixing in longer ones.
func pack(r *rand.Rand, v any) []byte {
	at := func(n int, forms ...byte) []byte { // a length, behind the first form that holds it or a later one
		width := 0
		for ; n >= 1<<(8<<width) || width < len(forms)-1 && r != nil && r.IntN(4) == 0; width++ {
		}
		width = min(width, len(forms)-1)
		if forms[0] == 0 {
			width = max(width, 1)
		}
		var p [8]byte
		binary.BigEndian.PutUint64(p[:], uint64(n))
		return append([]byte{forms[width]}, p[8-1<<width:]...)
	}
	switch v := v.(type) {
	case nil:
		return []byte{0xc0}
	case raw:
		return []byte(v)
	case bool:
		return []byte{map[bool]byte{false: 0xc2, true: 0xc3}[v]}
	case int:
		return packInt(r, int64(v))
	case uint64:
		return binary.BigEndian.AppendUint64([]byte{0xcf}, v)
	case float32:
		return binary.BigEndian.AppendUint32([]byte{0xca}, math.Float32bits(v))
	case float64:
		return binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(v))
	case string:
		if len(v) < 32 && (r == nil || r.IntN(4) > 0) {
			return append([]byte{0xa0 | byte(len(v))}, v...)
		}
		return append(at(len(v), 0xd9, 0xda, 0xdb), v...)
	case []byte:
		return append(at(len(v), 0xc4, 0xc5, 0xc6), v...)
	case instant:
		return packInstant(v)
	case []any:
		head := []byte{0x90 | byte(len(v))}
		if len(v) > 15 || r != nil && r.IntN(4) == 0 {
			head = at(len(v), 0, 0xdc, 0xdd)
		}
		for _, e := range v {
			head = append(head, pack(r, e)...)
		}
		return head
	case object:
		head := []byte{0x80 | byte(len(v)/2)}
		if len(v)/2 > 15 || r != nil && r.IntN(4) == 0 {
			head = at(len(v)/2, 0, 0xde, 0xdf)
		}
		for _, e := range v {
			head = append(head, pack(r, e)...)
		}
		return head
	}
	panic(fmt.Sprintf("pack %T", v))
}

func packInt(r *rand.Rand, v int64) []byte {
	wider := r != nil && r.IntN(3) == 0
	switch {
	case v >= 0 && v < 128 && !wider:
		return []byte{byte(v)}
	case v < 0 && v >= -32 && !wider:
		return []byte{byte(v)}
	case v >= 0 && v < 1<<8 && !wider:
		return []byte{0xcc, byte(v)}
	case v >= math.MinInt8 && v <= math.MaxInt8 && !wider:
		return []byte{0xd0, byte(v)}
	case v >= math.MinInt16 && v <= math.MaxInt16 && !wider:
		return binary.BigEndian.AppendUint16([]byte{0xd1}, uint16(v))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		return binary.BigEndian.AppendUint32([]byte{0xd2}, uint32(v))
	case v >= 0 && v < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{0xce}, uint32(v))
	default:
		return binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(v))
	}
}

func packInstant(v instant) []byte {
	switch v.size {
	case 4:
		return binary.BigEndian.AppendUint32([]byte{0xd6, 0xff}, uint32(v.sec))
	case 8:
		return binary.BigEndian.AppendUint64([]byte{0xd7, 0xff}, uint64(v.nano)<<34|uint64(v.sec))
	default:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32([]byte{0xc7, 12, 0xff}, v.nano), uint64(v.sec))
	}
}

const packedType = "Content-Type: application/msgpack"

func pushPacked(t testing.TB, b *Batch, rows ...any) {
	t.Helper()
	for _, row := range rows {
		if _, err := headed(b, string(pack(nil, row)), packedType); err != nil {
			t.Fatalf("append %v: %v", row, err)
		}
	}
}

func refusePacked(t testing.TB, b *Batch, payload []byte, class, reason string) {
	t.Helper()
	rows, size := b.Rows(), b.Bytes()
	n, err := headed(b, string(payload), packedType)
	var rej *Reject
	if !errors.As(err, &rej) || class != "" && rej.Class != class || rej.Class == ClassPanic || !strings.Contains(rej.Reason, reason) {
		t.Errorf("%.60x: got %d rows and %v, want class %s and %q", payload, n, err, class, reason)
	}
	if n != 0 || b.Rows() != rows || b.Bytes() != size {
		t.Errorf("%.60x: rows %d -> %d, bytes %d -> %d", payload, rows, b.Rows(), size, b.Bytes())
	}
}

func TestMsgpackRows(t *testing.T) {
	b := NewBatch(nil, Options{Seq: true})
	pushPacked(t, b,
		object{"i", -5, "u", uint64(math.MaxUint64), "f", float32(0.5), "s", "née", "b", []byte{0, 0xff}, "ok", true, "t", instant{1700000000, 123456789, 8}},
		[]any{object{"i", math.MaxInt64, "f", math.Inf(-1), "none", nil}, object{"t", instant{-1, 1, 12}, "o", object{"x", 1, "l", []any{1, nil, 3}}}},
		object{"t", instant{1, 0, 4}, "vector", []any{1, 2.5, float32(3)}, "e", []any{}},
		object{},
	)
	if n, err := headed(b, string(pack(nil, object{"i", 1}))+string(pack(nil, []any{object{"i", 2}, object{"i", 3}}))+string(pack(nil, object{})), packedType); n != 4 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	rec := record(t, b)
	if f := rec.Column(3).(*array.Float64); !math.IsInf(f.Value(1), -1) {
		t.Errorf("got %v", f)
	} else {
		f.Float64Values()[1] = 0 // JSON has no word for it
	}
	columns, rows := render(t, rec)
	const wantColumns = "_nats_seq uint64 not null; i int64; u uint64; f float64; s utf8; b binary; ok bool; t timestamp[ns, tz=UTC]; " +
		"o struct<x: int64, l: list<item: int64, nullable>>; vector fixed_size_list<item: float32, nullable>[3]"
	if columns != wantColumns {
		t.Errorf("got %s\nwant %s", columns, wantColumns)
	}
	for i, want := range []string{
		`{"_nats_seq":1,"b":"AP8=","f":0.5,"i":-5,"o":null,"ok":true,"s":"née","t":"2023-11-14 22:13:20.123456789Z","u":18446744073709551615,"vector":null}`,
		`"i":9223372036854775807,"o":null,"ok":null,"s":null,"t":null`,
		`"o":{"l":[1,null,3],"x":1},"ok":null,"s":null,"t":"1969-12-31 23:59:59.000000001Z"`,
		`"t":"1970-01-01 00:00:01Z","u":null,"vector":[1,2.5,3]}`,
	} {
		if got := strings.Split(rows, "\n")[i]; !strings.Contains(got, want) {
			t.Errorf("row %d: got %s\nwant %s", i, got, want)
		}
	}
}

// TestMsgpackIntoTypes holds what goes into columns of a table, exactly or not at all.
func TestMsgpackIntoTypes(t *testing.T) {
	p := arrow.PrimitiveTypes
	text := nullable("c", arrow.BinaryTypes.String)
	json := text
	json.Metadata = arrow.NewMetadata([]string{schema.KeyType}, []string{schema.TypeJSON})
	anything := text
	anything.Metadata = arrow.NewMetadata([]string{schema.KeyConflict}, []string{"string"})
	for _, tc := range []struct {
		field arrow.Field
		good  []any
		want  string
		bad   []any
	}{
		{nullable("c", p.Int8), []any{-128, 127.0, -0.5 + 0.5}, "[-128 127 0]", []any{128, 1.5, true, "1", math.NaN(), []byte{1}, instant{1, 0, 4}}},
		{nullable("c", p.Uint64), []any{uint64(math.MaxUint64), 0x1p63}, "[18446744073709551615 9223372036854775808]", []any{-1, 0x1p64}},
		{nullable("c", p.Float64), []any{1 << 53, 0.1, math.Inf(1), -20_000_000}, "[9.007199254740992e+15 0.1 +Inf -2e+07]", []any{1<<53 + 1}},
		{
			nullable("c", p.Float32),
			[]any{1 << 24, float32(0.1), 0.5, math.Inf(-1), math.NaN(), float64(float32(1e-45)), math.Copysign(0, -1)},
			"[1.6777216e+07 0.1 0.5 -Inf NaN 1e-45 -0]",
			[]any{1<<24 + 1, 1e39, 0.1, math.Nextafter(0.5, 1), 1e-46, math.MaxFloat64},
		},
		{text, []any{"", "x"}, `["" "x"]`, []any{1, []byte("x")}},
		{nullable("c", arrow.BinaryTypes.LargeBinary), []any{[]byte("AAAA"), []byte{}}, `["AAAA" ""]`, []any{"AAAA"}},
		{nullable("c", &arrow.FixedSizeBinaryType{ByteWidth: 2}), []any{[]byte("ab")}, `["ab"]`, []any{[]byte("abc"), "ab"}},
		{nullable("c", words(p.Int8)), []any{"a", "b", "a"}, "", []any{[]byte("a"), 1}},
		{nullable("c", timestamps(arrow.Millisecond)), []any{instant{1, 5e6, 8}, "2024-01-01T00:00:00Z", 7}, "[1005 1704067200000 7]", []any{instant{1, 1, 8}, instant{math.MaxInt64, 0, 12}}},
		{nullable("c", timestamps(arrow.Second)), []any{instant{-62135596800, 0, 12}}, "", []any{instant{1, 5e8, 8}}},
		{nullable("c", arrow.FixedWidthTypes.Date32), []any{"2024-01-01"}, "", []any{instant{0, 0, 4}}},
		{nullable("c", &arrow.FixedSizeBinaryType{ByteWidth: 8}), []any{[]byte("abcdefgh")}, `["abcdefgh"]`, []any{"AAECAwQFBgc="}},
		{nullable("c", &arrow.Decimal128Type{Precision: 5, Scale: 2}), []any{1, 1.5, "2.25", -7, 0}, "[{100 0} {150 0} {225 0} {18446744073709550916 -1} {0 0}]", []any{0.001, 1000, math.NaN(), []byte("x"), true}},
		{nullable("c", arrow.FixedWidthTypes.Float16), []any{1, 2048, 0.5, -0.25}, "[1 2048 0.5 -0.25]", []any{2049, 0.1, float32(0.1), 2049.0, 70000.0, math.NaN(), math.Inf(1), "x"}},
		{nullable("c", arrow.FixedSizeListOf(2, arrow.FixedWidthTypes.Float16)), []any{[]any{1, 2051}, []any{0.5, 2049.0}}, "[[1 2052] [0.5 2048]]", []any{[]any{1, math.NaN()}, []any{1, math.Inf(-1)}, []any{1, 65520}}},
		{nullable("c", arrow.FixedWidthTypes.Time64us), []any{"00:00:00.000001", 2, 3.0}, "[1 2 3]", []any{-1, 0.5}},
		{nullable("c", arrow.FixedWidthTypes.Duration_s), []any{-1, 2.0}, "[-1 2]", []any{0.5, "1s"}},
		{nullable("c", arrow.FixedSizeListOf(2, p.Float32)), []any{[]any{1, 0.1}}, "[[1 0.1]]", []any{[]any{1}, []any{1, nil}, []any{1, 1e39}, []any{1, "x"}, []any{1, 2, 3}}},
		{nullable("c", arrow.FixedSizeListOf(2, p.Int16)), []any{[]any{1, -2.0}}, "[[1 -2]]", []any{[]any{1, 0.5}, []any{1, 40000}}},
		{nullable("c", arrow.ListOf(p.Int8)), []any{[]any{}, []any{1, nil}}, "", []any{[]any{1, 300}, 1}},
		{
			json,
			[]any{"x\"\n", 1, 1.0, -7, object{"a", []any{nil, []byte{1}}, "t", instant{0, 5, 8}}},
			"",
			[]any{math.NaN(), object{"a", 1, "a", 2}, object{1, 1}, instant{math.MaxInt64, 0, 12}},
		},
		{anything, []any{"x", 1, []any{true}}, `["x" "1" "[true]"]`, nil},
	} {
		t.Run(tc.field.Type.String(), func(t *testing.T) {
			s := table(nullable("id", p.Int64), tc.field)
			b := NewBatch(s, Options{})
			for _, v := range tc.good {
				pushPacked(t, b, object{"id", 1, "c", v})
			}
			for _, v := range tc.bad {
				refusePacked(t, b, pack(nil, object{"id", 1, "c", v}), "", "")
			}
			rec := record(t, b)
			if len(tc.good) == 0 {
				return
			}
			if got := rec.Column(1).String(); tc.want != "" && got != tc.want || !rec.Schema().Equal(s) {
				t.Errorf("got %s of %v\nwant %s", got, rec.Schema(), tc.want)
			}
		})
	}
}

func TestMsgpackJSONText(t *testing.T) {
	f := nullable("c", arrow.BinaryTypes.String)
	f.Metadata = arrow.NewMetadata([]string{schema.KeyType}, []string{schema.TypeJSON})
	b := NewBatch(table(f), Options{Declared: &schema.Declaration{Undeclared: schema.KeepJSON}})
	pushPacked(t, b,
		object{"c", object{"s", "a\"\\\n\x1fé", "i", []any{-1, uint64(math.MaxUint64)}, "f", []any{1.0, 1e300, 0.1}, "b", []byte{0xff, 0}, "t", instant{1, 5, 8}, "n", nil}},
		object{"c", nil, "more", object{"x", 1}, "other", "y"},
		object{"c", "text"},
	)
	const want = `{"s":"a\"\\\u000a\u001fé","i":[-1,18446744073709551615],"f":[1.0,1e+300,0.1],"b":"/wA=","t":"1970-01-01T00:00:01.000000005Z","n":null}`
	rec := record(t, b)
	if got := rec.Column(0).(*array.String); got.Value(0) != want || !got.IsNull(1) || got.Value(2) != `"text"` {
		t.Errorf("got %s", got)
	}
	if got := rec.Column(1).(*array.String).Value(1); got != `{"more":{"x":1},"other":"y"}` {
		t.Errorf("got %s", got)
	}
	b.Reset(rec.Schema())
	refusePacked(t, b, pack(nil, object{"m", object{"x", 1, "x", 1}}), ClassParse, "twice")
	refusePacked(t, b, pack(nil, object{"m", 1, "m", 1}), ClassParse, "twice")
	refusePacked(t, b, []byte("\x81\xa1m"+strings.Repeat("\x91", 200)+"\xc0"), ClassLimit, "more than 128 maps")
}

func TestMsgpackRefuses(t *testing.T) {
	for _, tc := range []struct {
		payload       string
		class, reason string
	}{
		{"", ClassParse, "the payload is empty"},
		{"\x90", ClassParse, "the payload has no rows"},
		{"\x90\x90\xdc\x00\x00", ClassParse, "the payload has no rows"},
		{"\x01", ClassParse, "not a msgpack map at byte 0"},
		{"\x91\x91\x80", ClassParse, "not a msgpack map at byte 1"},
		{"\x80\xc0", ClassParse, "not a msgpack map at byte 1"},
		{"\x92\x80", ClassParse, "ends too early"},
		{"\x81\xa1a", ClassParse, "ends too early"},
		{"\x81\xa1a\xc1", ClassParse, "malformed msgpack at byte 3"},
		{"\x81\x01\x01", ClassParse, "a key that is not a string, at byte 1"},
		{"\x81\xc4\x01a\x01", ClassParse, "a key that is not a string"},
		{"\x82\xa1a\x01\xa1a\x01", ClassParse, "field a: the key occurs twice"},
		{"\x81\xa1\xff\x01", ClassParse, "invalid UTF-8 in the key at byte 1"},
		{"\x81\xa1a\xa1\xff", ClassParse, "field a: invalid UTF-8 in the string at byte 3"},
		{"\x81\xa0\x01", ClassParse, "no characters"},
		{"\x81\xa9_nats_seq\x01", ClassReserved, "field _nats_seq"},
		{"\x81\xa1a\xd4\x01\x00", ClassType, "msgpack extension 1 at byte 3"},
		{"\x81\xa1a\xd5\xff\x00\x00", ClassParse, "a msgpack timestamp of 2 bytes"},
		{"\x81\xa1a\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff", ClassParse, "nanoseconds"},
		{"\x81\xa1a\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", ClassType, "field a: time out of range does not fit timestamp[ns"},
		{"\x81\xa1a\xdf\xff\xff\xff\xff", ClassParse, "ends too early"},
		{"\x81\xa1a\xdd\xff\xff\xff\xff", ClassParse, "ends too early"},
		{"\x81\xa1a\xdb\xff\xff\xff\xff", ClassParse, "ends too early"},
		{"\x81\xa1a\xc6\xff\xff\xff\xff", ClassParse, "ends too early"},
		{"\x81\xa1a\xc9\xff\xff\xff\xff\xff", ClassParse, "ends too early"},
		{"\xdf\xff\xff\xff\xff", ClassParse, "ends too early"},
		{"\xdd\xff\xff\xff\xff\x80", ClassParse, "ends too early"},
		{"\x81\xa1a" + strings.Repeat("\x91", 1_000_000), ClassLimit, "objects and arrays inside each other"},
		{"\x81\xa1a" + strings.Repeat("\x81\xa1a", 1_000_000), ClassLimit, "objects and arrays inside each other"},
		{"\x81\xa6vector\x90", ClassType, "field vector: a vector of no values"},
		{"\x81\xa6vector\x92\xc0\x01", ClassType, "field vector: null inside a vector"},
		{"\x82\xa1a\x01\xa1b\x91\xa1x" + "\x81\xa1a\xa1x", ClassType, "field a: string does not fit int64"},
	} {
		b := NewBatch(nil, Options{Seq: true})
		refusePacked(t, b, []byte(tc.payload), tc.class, tc.reason)
		pushPacked(t, b, object{"a", "text"})
		refusePacked(t, b, []byte(tc.payload), "", "")
		if columns, _ := show(t, b); columns != "_nats_seq uint64 not null; a utf8" {
			t.Errorf("%.40x left %s", tc.payload, columns)
		}
	}
}

// packedRows are random rows of a few fields that clash now and then.
func packedRows(r *rand.Rand) (any, []byte) {
	rows := make([]any, 1+r.IntN(3))
	for i := range rows {
		rows[i] = packedDocument(r, 3)
	}
	if len(rows) == 1 && r.IntN(2) == 0 {
		return rows[0], pack(r, rows[0])
	}
	return rows, pack(r, rows)
}

func packedDocument(r *rand.Rand, depth int) object {
	o := object{}
	for _, name := range []string{"a", "b", "vector", "d.e", "née"} {
		if r.IntN(3) == 0 {
			o = append(o, name, packedAny(r, depth))
		}
	}
	return o
}

func packedAny(r *rand.Rand, depth int) any {
	switch n := r.IntN(12); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n < 5:
		return int(r.Uint64() >> r.IntN(64))
	case n == 5:
		return r.NormFloat64()
	case n == 6:
		return float32(r.IntN(1000))
	case n == 7:
		return "text\né"[:r.IntN(6)]
	case n == 8:
		return []byte{byte(r.Uint32())}
	case n == 9:
		return instant{r.Int64N(1 << 33), uint32(r.IntN(1e9)), 8}
	case n == 10 && depth > 0:
		return packedDocument(r, depth-1)
	case depth > 0:
		list := make([]any, r.IntN(4))
		kind := packedAny(r, depth-1)
		for i := range list {
			list[i] = kind
		}
		return list
	}
	return uint64(math.MaxUint64)
}

// checkPacked appends a payload between two good messages and compares what is taken
// with what the naive reader reads.
func checkPacked(t testing.TB, p []byte) (taken bool) {
	t.Helper()
	rows, naiveErr := naive{bytes.NewReader(p)}.rows()
	before := object{"a", 1, "b", []any{object{"a", "x"}}}
	b := NewBatch(nil, Options{MaxMessageBytes: 1 << 20})
	pushPacked(t, b, before)
	n, err := headed(b, string(p), packedType)
	if err == nil {
		rec := record(t, b)
		if naiveErr != nil || n != len(rows) {
			t.Fatalf("%x: %d rows, want %d: %v", p, n, len(rows), naiveErr)
		}
		if err := holdsPacked(rec, 1, rows); err != nil {
			t.Fatalf("%x: %v", p, err)
		}
		return true
	}
	var rej *Reject
	if !errors.As(err, &rej) || rej.Class == ClassPanic {
		t.Fatalf("%x: %v", p, err)
	}
	if rej.Class == ClassParse && naiveErr == nil && !strings.Contains(rej.Reason, "no characters") {
		t.Fatalf("%x: %v, but it is whole", p, err)
	}
	after := object{"a", 2, "n", "y"}
	pushPacked(t, b, after)
	clean := NewBatch(nil, Options{})
	pushPacked(t, clean, before, after)
	if got, want := record(t, b), record(t, clean); !got.Schema().Equal(want.Schema()) || !array.RecordEqual(got, want) {
		t.Fatalf("%x left a trace: got %v, want %v", p, got, want)
	}
	return false
}

func TestMsgpackAgainstNaive(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	taken := 0
	for range 5000 {
		_, p := packedRows(r)
		if r.IntN(3) == 0 {
			p[r.IntN(len(p))] = byte(r.Uint32())
		}
		if checkPacked(t, p) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("%d of 5,000 taken: the test shows little", taken)
	}
}

func FuzzMsgpack(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		_, p := packedRows(r)
		f.Add(p)
	}
	f.Add(pack(nil, object{"t", instant{1, 2, 4}, "u", instant{1, 2, 8}, "v", instant{1, 2, 12}}))
	known := table(
		nullable("a", arrow.PrimitiveTypes.Int8), nullable("b", arrow.ListOf(arrow.StructOf(nullable("a", words(arrow.PrimitiveTypes.Int8))))),
		nullable("vector", arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16)), nullable("d_x2Ee", timestamps(arrow.Millisecond)),
		nullable("née", &arrow.FixedSizeBinaryType{ByteWidth: 1}),
	)
	f.Fuzz(func(t *testing.T, p []byte) {
		checkPacked(t, p)
		b := NewBatch(known, Options{Widen: func(schema.Widening) error { return nil }, Declared: &schema.Declaration{Undeclared: schema.KeepJSON}})
		if _, err := headed(b, string(p), packedType); err != nil {
			var rej *Reject
			if !errors.As(err, &rej) || rej.Class == ClassPanic {
				t.Fatalf("%x: %v", p, err)
			}
		}
		record(t, b)
	})
}

func BenchmarkMsgpack(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var rows []any
	for range 1000 {
		rows = append(rows, object{
			"id", int(r.Int64N(1 << 40)), "device", fmt.Sprintf("sensor-%05d", r.IntN(100000)), "value", r.Float64() * 1000,
			"ok", r.IntN(2) == 0, "count", r.IntN(10000), "city", fmt.Sprintf("town-%d", r.IntN(500)),
			"note", "all values within the expected range, nothing to report",
		})
	}
	benchmarkHeaded(b, pack(nil, rows), map[string][]string{"Content-Type": {"application/msgpack"}})
}

// benchmarkHeaded appends a payload of rows again and again.
func benchmarkHeaded(b *testing.B, payload []byte, header map[string][]string) {
	b.Helper()
	batch := NewBatch(nil, Options{Seq: true, Time: true})
	now := time.Unix(1_700_000_000, 0)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		n, err := batch.Append(Meta{Seq: 1, Time: now, Header: header}, payload)
		if err != nil {
			b.Fatal(err)
		}
		rows += n
		if batch.Rows() >= 10_000 {
			rec, err := batch.Record()
			if err != nil {
				b.Fatal(err)
			}
			batch.Reset(rec.Schema())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}
