package conformance_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// fieldSettings are the wishes that field metadata may hold.
func fieldSettings() map[string]map[string]string {
	return map[string]map[string]string{
		"none":       {encoding.KeyCompression: "none"},
		"zstd 9":     {encoding.KeyCompression: "zstd", encoding.KeyLevel: "9"},
		"lz4":        {encoding.KeyCompression: "lz4"},
		"fsst":       {encoding.KeyCompression: "fsst"},
		"split":      {encoding.KeyCompression: "zstd", encoding.KeySplit: "on"},
		"split lz4":  {encoding.KeyCompression: "lz4", encoding.KeySplit: "on"},
		"runs":       {encoding.KeyRLEThreshold: "1"},
		"zstd runs":  {encoding.KeyCompression: "zstd", encoding.KeyRLEThreshold: "1"},
		"no runs":    {encoding.KeyRLEThreshold: "0"},
		"dictionary": {encoding.KeyDictRatio: "1", encoding.KeyDictDivisor: "1"},
		"zipped":     {encoding.KeyStructural: "fullzip"},
		"zipped lz4": {encoding.KeyStructural: "fullzip", encoding.KeyCompression: "lz4"},
		"chunks":     {encoding.KeyStructural: "miniblock"},
	}
}

// TestFieldSettings writes every type under every setting of field metadata,
// and lets the reference and our reader read the files.
func TestFieldSettings(t *testing.T) {
	for _, g := range groups() {
		for name, setting := range fieldSettings() {
			for _, version := range versions[g.since:] {
				t.Run(fmt.Sprintf("%s/%s/%s", g.name, name, version), func(t *testing.T) {
					t.Parallel() // beside the reference
					r := newRand(t)
					rec := withMetadata(recordOf(r, g.columns(r), g.rows/4), setting)
					defer rec.Release()
					requireFile(t, r, rec, file.WriterOptions{Version: version, PageBytes: 8 << 10})
				})
			}
		}
	}
}

// requireFile writes a record and lets the reference and our reader read it.
func requireFile(t *testing.T, r *rand.Rand, rec arrow.Record, o file.WriterOptions) {
	t.Helper()
	ref := lanceref.Start(t)
	path := filepath.Join(t.TempDir(), "x.lance")
	writeFile(t, path, o, halves(rec)...)
	if err := ref.CompareDataFile(path, rec.Schema(), rec); err != nil {
		t.Error(err)
	}
	requireReads(t, r, path, rec)
	takeFromFile(t, ref, r, path, rec)
}

// shapes are columns of what encodings are chosen by.
func shapes(r *rand.Rand, rows int) arrow.Record {
	fs := []arrow.Field{
		{Name: "runs", Type: arrow.PrimitiveTypes.Int64},
		{Name: "long runs", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
		{Name: "few numbers", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "sorted", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "random", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "noise", Type: arrow.PrimitiveTypes.Float64},
		{Name: "noise 32", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		{Name: "few strings", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "few in runs", Type: arrow.BinaryTypes.LargeString},
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "large text", Type: arrow.BinaryTypes.LargeString},
		{Name: "random bytes", Type: arrow.BinaryTypes.Binary},
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fs, nil))
	defer b.Release()
	words := strings.Fields("the quick brown fox jumps over a lazy dog while grüne Äpfel fall on http://example.org/path?q=")
	for i := range rows {
		text := ""
		for range r.IntN(20) {
			text += words[r.IntN(len(words))] + " "
		}
		bytes := make([]byte, r.IntN(20))
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
		}
		null := r.IntN(10) == 0
		for at, v := range []any{
			int64(i/7) * 1_000_003, int16(i / 3000), float64(r.IntN(50)) * 1.1, uint64(i) * 3, r.Uint64(),
			r.NormFloat64(), float32(r.NormFloat64()), fmt.Sprint("city ", r.IntN(300)), fmt.Sprint("day ", i/500),
			text, text, bytes,
		} {
			if null && fs[at].Nullable {
				b.Field(at).AppendNull()
				continue
			}
			appendAny(b.Field(at), v)
		}
	}
	return b.NewRecord()
}

// appendAny appends a value of the builder's own type.
func appendAny(b array.Builder, v any) {
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(v.(int64))
	case *array.Int16Builder:
		b.Append(v.(int16))
	case *array.Uint64Builder:
		b.Append(v.(uint64))
	case *array.Float64Builder:
		b.Append(v.(float64))
	case *array.Float32Builder:
		b.Append(v.(float32))
	case *array.StringBuilder:
		b.Append(v.(string))
	case *array.LargeStringBuilder:
		b.Append(v.(string))
	case *array.BinaryBuilder:
		b.Append(v.([]byte))
	}
}

// TestShapes writes pages large enough for every choice of the writer.
func TestShapes(t *testing.T) {
	for _, version := range versions {
		for _, c := range compressions {
			t.Run(fmt.Sprintf("%s/%s", c, version), func(t *testing.T) {
				r := newRand(t)
				rec := shapes(r, 60_000)
				defer rec.Release()
				requireFile(t, r, rec, file.WriterOptions{Version: version, Compression: c})
			})
		}
	}
}

// TestUnknownSettings holds that a value that no setting has is an error that
// names the field and the key.
func TestUnknownSettings(t *testing.T) {
	for key, value := range map[string]string{
		encoding.KeyCompression: "snappy", encoding.KeyLevel: "fast", encoding.KeyStructural: "zip",
		encoding.KeyRLEThreshold: "2", encoding.KeySplit: "yes", encoding.KeyDictRatio: "0", encoding.KeyDictDivisor: "0.5",
		encoding.KeyDictMaxSize: "8MB", encoding.KeyDictCompression: "fsst", encoding.KeyDictLevel: "-1", encoding.KeyChunkSize: "0",
	} {
		field := arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int8, Metadata: arrow.NewMetadata([]string{key}, []string{value})}
		s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{field}, nil))
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.NewWriter(nil, s, file.WriterOptions{})
		var wrong *encoding.SettingsError
		if !errors.As(err, &wrong) || wrong.Field != "x" || wrong.Key != key || wrong.Value != value {
			t.Errorf("%s of %q: %v", key, value, err)
		}
	}
}

// TestLimitsOfFields holds that a field says how large its dictionaries and its
// chunks may be.
func TestLimitsOfFields(t *testing.T) {
	for _, c := range []struct {
		name, key, small, large string
		differs                 func(small, large file.PageLayout) bool
	}{
		{"dictionary", encoding.KeyDictMaxSize, "1000", "1400", func(small, large file.PageLayout) bool {
			return !strings.Contains(small.Encoding.String(), "dictionary") && strings.Contains(large.Encoding.String(), "dictionary")
		}},
		{"chunks", encoding.KeyChunkSize, "300", "100000", func(small, large file.PageLayout) bool {
			return small.Buffers[0].Length > 20*large.Buffers[0].Length
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pages []file.PageLayout
			for _, value := range []string{c.small, c.large} {
				r := newRand(t)
				e := eachEncoding{kind: arrow.BinaryTypes.String, value: fewNames, setting: map[string]string{c.key: value}}
				if c.key == encoding.KeyChunkSize {
					e.setting[encoding.KeyDictMaxSize] = "0"
				}
				rec := e.record(r)
				defer rec.Release()
				requireFile(t, r, rec, file.WriterOptions{})
				path := filepath.Join(t.TempDir(), "x.lance")
				writeFile(t, path, file.WriterOptions{}, rec)
				pages = append(pages, must(openFile(t, path).Layout())(t).Columns[0].Pages...)
			}
			if len(pages) != 2 || !c.differs(pages[0], pages[1]) {
				t.Errorf("pages %+v", pages)
			}
		})
	}
}
