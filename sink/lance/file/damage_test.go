package file_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// damagedFile is a small file with every layout.
func damagedFile(t testing.TB, c file.Compression) ([]byte, arrow.Record) {
	t.Helper()
	s := &sampler{Rand: rand.New(rand.NewPCG(9, 9)), nulls: someNulls}
	var fs []arrow.Field
	for _, f := range sampleTypes() {
		switch f.Name {
		case "i64", "utf8", "v100", "list_struct", "struct_list", "bool":
			fs = append(fs, f)
		}
	}
	rec := s.record(t, fs, 12)
	data, _ := encode(t, file.WriterOptions{Compression: c}, rec)
	return data, rec
}

// expectLocated says that err tells the key and what is wrong where.
func expectLocated(t *testing.T, what string, err error) {
	t.Helper()
	var c *corrupt.Error
	switch {
	case err == nil:
		t.Errorf("%s: no error", what)
	case errors.As(err, &c):
		if c.Key != "data/x.lance" || c.Section == "" {
			t.Errorf("%s: not located: %v", what, err)
		}
	case !errors.Is(err, fields.ErrUnsupported):
		t.Errorf("%s: neither damage nor unsupported: %v", what, err)
	}
}

func TestTruncatedFiles(t *testing.T) {
	data, _ := damagedFile(t, file.Zstd)
	for n := 0; n < len(data); n += 1 + n%3 {
		if _, err := decode(data[:n], 0); err == nil {
			t.Fatalf("%d of %d bytes are read without an error", n, len(data))
		}
	}
	_, err := decode(data[:len(data)-1], 0)
	expectLocated(t, "one byte short", err)
	_, err = decode(nil, 0)
	expectLocated(t, "nothing", err)
}

// Any flipped bit gives an error or rows, never a panic; the format has no
// checksums, so a flip among values is not always found.
func TestFlippedBits(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, c := range compressions() {
		data, rec := damagedFile(t, c)
		pages := len(data) - 4000 // from here on every bit counts
		for i := 0; i < len(data); i++ {
			if i < pages {
				i += rng.IntN(8)
			}
			bad := bytes.Clone(data)
			bad[i] ^= 1 << rng.IntN(8)
			recs, err := decode(bad, 16)
			if err != nil {
				if expectLocated(t, "a flipped bit", err); t.Failed() {
					return
				}
				continue
			}
			rows := int64(0)
			for _, r := range recs {
				rows += r.NumRows()
			}
			if rows != rec.NumRows() {
				t.Errorf("byte %d from %#x to %#x: %d rows without an error", i, data[i], bad[i], rows)
			}
		}
	}
}

// Every field of the footer is checked by itself.
func TestDamagedFooter(t *testing.T) {
	data, _ := damagedFile(t, file.None)
	at := len(data) - 40
	for name, change := range map[string]func(b []byte){
		"magic":               func(b []byte) { b[36] = 'M' },
		"column metadata":     func(b []byte) { binary.LittleEndian.PutUint64(b, 1<<63) },
		"column table":        func(b []byte) { binary.LittleEndian.PutUint64(b[8:], 0) },
		"global table":        func(b []byte) { binary.LittleEndian.PutUint64(b[16:], 1<<62) },
		"no global buffer":    func(b []byte) { binary.LittleEndian.PutUint32(b[24:], 0) },
		"many global buffers": func(b []byte) { binary.LittleEndian.PutUint32(b[24:], 1<<31) },
		"many columns":        func(b []byte) { binary.LittleEndian.PutUint32(b[28:], 1<<31) },
		"version 2.3":         func(b []byte) { b[34] = 3 },
		"version 9.9":         func(b []byte) { copy(b[32:], []byte{9, 0, 9, 0}) },
	} {
		bad := bytes.Clone(data)
		change(bad[at:])
		_, err := decode(bad, 0)
		expectLocated(t, name, err)
		if strings.HasPrefix(name, "version") && !errors.Is(err, fields.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, value := range map[string]uint64{"position": 1 << 60, "length": 1 << 61} {
		bad := bytes.Clone(data)
		entry := bad[at-16:]
		if name == "length" {
			entry = entry[8:]
		}
		binary.LittleEndian.PutUint64(entry, value)
		_, err := decode(bad, 0)
		expectLocated(t, "schema "+name, err)
	}
}
