package scenario

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/pierrec/lz4/v4"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// stream is a record as an Arrow IPC stream.
func stream(t *testing.T, rec arrow.Record, o ...ipc.Option) []byte {
	t.Helper()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, append(o, ipc.WithSchema(rec.Schema()))...)
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func fromJSON(t *testing.T, s *arrow.Schema, rows string) arrow.Record {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Release)
	return rec
}

func written(t *testing.T, data []byte, open func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var out bytes.Buffer
	w := open(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// coded are the encodings of a payload, by the value of Content-Encoding and a number.
func coded(t *testing.T, p []byte) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"": p, "identity": p, "gzip": []byte(gzipped(t, p)), "zstd": []byte(zstandard(t, p)),
		"lz4":     written(t, p, func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }),
		"snappy":  snappy.Encode(nil, p),
		"s2":      s2.Encode(nil, p),
		"Snappy ": written(t, p, func(w io.Writer) io.WriteCloser { return snappy.NewBufferedWriter(w) }),
		"S2":      written(t, p, func(w io.Writer) io.WriteCloser { return s2.NewWriter(w) }),
	}
}

// TestPayloads publishes two rows in each format and each encoding to one topic of a
// real server. All of them become the same rows.
func TestPayloads(t *testing.T) {
	const one, two = `{"id":1,"name":"née","value":0.5,"tags":["a","b"],"vector":[1,2.5]}`, `{"id":2,"in":{"deep":true}}`
	p := arrow.PrimitiveTypes
	s := arrow.NewSchema([]arrow.Field{
		may("id", p.Int32), may("name", arrow.BinaryTypes.LargeString), may("value", p.Float32), may("tags", arrow.LargeListOf(arrow.BinaryTypes.String)),
		may("vector", arrow.FixedSizeListOf(2, p.Float32)), may("in", arrow.StructOf(may("deep", arrow.FixedWidthTypes.Boolean))),
	}, nil)
	rec := fromJSON(t, s, "["+one+","+two+"]")
	packed := "\x85\xa2id\x01\xa4name\xa4n\xc3\xa9e\xa5value\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00\xa4tags\x92\xa1a\xa1b\xa6vector\x92\x01\xca\x40\x20\x00\x00" +
		"\x82\xa2id\x02\xa2in\x81\xa4deep\xc3"
	r := newRigWith(t, jetstream.WorkQueuePolicy)
	sent := map[uint64]string{}
	for _, form := range []struct{ contentType, payload string }{
		{"", one + "\n" + two},
		{"application/json", "[" + one + "," + two + "]"},
		{"application/x-ndjson; charset=utf-8", one + "\n" + two + "\n"},
		{"application/msgpack", packed},
		{"application/x-msgpack", "\x92" + packed},
		{"application/vnd.apache.arrow.stream", string(stream(t, rec))},
		{"application/vnd.apache.arrow.stream", string(stream(t, rec, ipc.WithZstd()))},
		{"application/octet-stream", string(stream(t, rec, ipc.WithLZ4()))},
		{"", string(stream(t, rec))},
	} {
		for encoding, data := range coded(t, []byte(form.payload)) {
			h := nats.Header{}
			if form.contentType != "" {
				h["content-type"] = []string{form.contentType}
			}
			if encoding != "" {
				h["Content-Encoding"] = []string{encoding}
			}
			ack, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "persisting.mixed", Header: h, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			sent[ack.Sequence] = fmt.Sprintf("%q in %q", form.contentType, encoding)
		}
	}
	r.once().Wait(patience)
	ref := r.table("mixed")
	if err := ref.Validate(); err != nil {
		t.Error(err)
	}
	table, err := ref.Read(lanceref.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := rowsOf(t, table)
	for seq, name := range sent {
		if got := rows[seq]; len(got) != 2 || !sameJSON([]byte(got[0]), []byte(one)) || !sameJSON([]byte(got[1]), []byte(two)) {
			t.Errorf("%s: got %s", name, got)
		}
	}
	for subject, letter := range r.deadLetters("mixed") {
		t.Errorf("%s: %s", subject, letter.Header.Get("Pst-Error"))
	}
}

// TestPayloadsOfTypes publishes columns of every type that Arrow payloads may have, new
// ones and to the table that they made: the reference finds types and values as sent.
func TestPayloadsOfTypes(t *testing.T) {
	p, w, s := arrow.PrimitiveTypes, arrow.FixedWidthTypes, arrow.BinaryTypes.String
	word := &arrow.DictionaryType{IndexType: p.Int8, ValueType: s}
	fields := []arrow.Field{
		may("bool", w.Boolean), may("i8", p.Int8), may("u16", p.Uint16), may("u64", p.Uint64), may("f16", w.Float16), may("f32", p.Float32),
		may("d32", w.Date32), may("d64", w.Date64), may("t32", w.Time32ms), may("t64", w.Time64ns), may("dur", w.Duration_us),
		may("ts", &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "Europe/Berlin"}), may("naive", &arrow.TimestampType{Unit: arrow.Second}),
		may("dec", &arrow.Decimal128Type{Precision: 18, Scale: 4}), may("dec256", &arrow.Decimal256Type{Precision: 50, Scale: 2}),
		may("fsb", &arrow.FixedSizeBinaryType{ByteWidth: 3}), may("ls", arrow.BinaryTypes.LargeString), may("b", arrow.BinaryTypes.Binary), may("word", word),
		may("vec", arrow.FixedSizeListOf(3, p.Float32)), may("half", arrow.FixedSizeListOf(2, w.Float16)), may("flags", arrow.FixedSizeListOf(3, w.Boolean)),
		may("large", arrow.LargeListOf(p.Int32)), may("st", arrow.StructOf(may("a", p.Int32), may("w", word))),
		may("l", arrow.ListOf(arrow.StructOf(may("d", &arrow.Decimal128Type{Precision: 5, Scale: 1}), may("v", arrow.FixedSizeListOf(2, p.Float64))))),
	}
	fields[0].Metadata = arrow.NewMetadata([]string{"ARROW:extension:metadata", "ARROW:extension:name"}, []string{"", "people.flag"})
	const full = `{"bool":true,"i8":-128,"u16":65535,"u64":18446744073709551615,"f16":1.5,"f32":0.1,"d32":"2024-02-29","d64":"1969-12-31","t32":"23:59:59.999",` +
		`"t64":"00:00:00.000000001","dur":"-5us","ts":"2024-01-01 00:00:00.123456789","naive":"1969-01-01 00:00:00","dec":"-12345678901234.5678","dec256":"123456789012345678901234567890.12",` +
		`"fsb":"AAEC","ls":"née","b":"/wA=","word":"one","vec":[1,2.5,-3],"half":[1,0.5],"flags":[true,false,true],"large":[1,2],"st":{"a":1,"w":"x"},"l":[{"d":"1.5","v":[1,2]},null]}`
	schema := arrow.NewSchema(fields, nil)
	one, two := full+",{},"+strings.Replace(full, `"one"`, `"two"`, 1), strings.Replace(full, `"one"`, `"three"`, 1)+","+full
	first, second := fromJSON(t, schema, "["+one+"]"), fromJSON(t, schema, "["+two+"]")
	r := newRigWith(t, jetstream.WorkQueuePolicy)
	header := nats.Header{"Content-Type": {"application/vnd.apache.arrow.stream"}}
	for _, rec := range []arrow.Record{first, second, first} {
		if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "persisting.types", Header: header, Data: stream(t, rec)}); err != nil {
			t.Fatal(err)
		}
	}
	r.once().Wait(patience)
	if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "persisting.types", Header: header, Data: stream(t, second, ipc.WithZstd())}); err != nil {
		t.Fatal(err)
	}
	r.once().Wait(patience)
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	ref := r.table("types")
	if err := ref.Validate(); err != nil {
		t.Error(err)
	}
	all := fromJSON(t, schema, "["+strings.Join([]string{one, two, one, two}, ",")+"]")
	if err := ref.CompareColumns(names, schema, all); err != nil {
		t.Error(err)
	}
	for subject, letter := range r.deadLetters("types") {
		t.Errorf("%s: %s", subject, letter.Header.Get("Pst-Error"))
	}
}

// TestPayloadsThatNoTableHolds: a column of a type that Lance does not have is a dead
// letter that names it, and its neighbours are rows.
func TestPayloadsThatNoTableHolds(t *testing.T) {
	ordered := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String, Ordered: true}
	json := may("c", arrow.BinaryTypes.String)
	json.Metadata = arrow.NewMetadata([]string{"ARROW:extension:name"}, []string{"arrow.json"})
	r := newRigWith(t, jetstream.WorkQueuePolicy)
	header := nats.Header{"Content-Type": {"application/vnd.apache.arrow.stream"}}
	bad := []arrow.Field{
		may("c", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8)), may("c", arrow.FixedWidthTypes.MonthInterval), may("c", ordered), json,
		may("c", arrow.StructOf()),
	}
	for _, f := range bad {
		s := arrow.NewSchema([]arrow.Field{may("id", arrow.PrimitiveTypes.Int64), f}, nil)
		ids := fromJSON(t, arrow.NewSchema(s.Fields()[:1], nil), `[{"id":1}]`)
		rec := array.NewRecord(s, []arrow.Array{ids.Column(0), array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, 1)}, 1)
		for _, m := range []*nats.Msg{{Header: header, Data: stream(t, rec)}, {Data: []byte(`{"id":2}`)}} {
			m.Subject = "persisting.held"
			if _, err := r.js.PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.once().Wait(patience)
	letters := r.deadLetters("held")
	for subject, letter := range letters {
		if class, reason := letter.Header.Get("Pst-Error-Class"), letter.Header.Get("Pst-Error"); class != "type" || !strings.Contains(reason, "field c") {
			t.Errorf("%s: %s: %s", subject, class, reason)
		}
	}
	if n, err := r.table("held").Count(""); err != nil || int(n)+len(letters) != 2*len(bad) || len(letters) < 4 {
		t.Errorf("%d rows, %d dead letters, %v", n, len(letters), err)
	}
}
