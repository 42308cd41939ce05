package encoding_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// fuzzTypes are leaf types of every shape.
func fuzzTypes() []arrow.DataType {
	return []arrow.DataType{
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint8, arrow.FixedWidthTypes.Boolean,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeBinary,
		arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32), arrow.Null,
	}
}

// join packs buffers into one, split is the reverse for any bytes.
func join(bufs [][]byte) []byte {
	var out []byte
	for _, b := range bufs {
		out = binary.LittleEndian.AppendUint16(out, uint16(len(b)))
		out = append(out, b...)
	}
	return out
}

func split(b []byte) [][]byte {
	var bufs [][]byte
	for len(b) >= 2 {
		n := min(int(binary.LittleEndian.Uint16(b)), len(b)-2)
		bufs = append(bufs, b[2:2+n])
		b = b[2+n:]
	}
	return bufs
}

// FuzzDecode reads hostile pages.
func FuzzDecode(f *testing.F) {
	for _, seed := range []struct {
		kind uint8
		dt   arrow.DataType
		rows string
	}{
		{0, arrow.PrimitiveTypes.Int64, `[1, 2, null]`},
		{0, arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[7, null], null, []]`},
		{0, arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[], null]`},
		{2, arrow.FixedWidthTypes.Boolean, `[true, false]`},
		{3, arrow.BinaryTypes.String, `["ab", null, "c"]`},
		{5, arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32), `[[1, 2, 3], null]`},
	} {
		for _, c := range []encoding.Compression{encoding.None, encoding.Zstd, encoding.LZ4} {
			for _, p := range encode(f, encoding.Options{Compression: c}, shred(f, fromJSON(f, seed.dt, seed.rows))) {
				f.Add(seed.kind, uint16(p.rows), p.description, join(p.buffers))
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, rows uint16, description, buffers []byte) {
		types := fuzzTypes()
		var d encoding.Decoder
		defer d.Close()
		page, err := d.Decode(description, split(buffers), int(rows), types[int(kind)%len(types)])
		if err != nil {
			var c *corrupt.Error
			if !errors.As(err, &c) && !errors.Is(err, fields.ErrUnsupported) {
				t.Fatalf("neither damage nor unsupported: %v", err)
			}
			return
		}
		defer page.Release()
		for page.Remaining() > 0 {
			leaf, err := page.Next(min(page.Remaining(), 7))
			if err != nil {
				t.Fatal(err)
			}
			leaf.Release()
		}
	})
}
