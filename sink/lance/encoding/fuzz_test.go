package encoding_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

// fuzzTypes are leaf types of every shape. Dictionary types have values of a few
// bytes: a key of one byte may stand for strings of any size.
func fuzzTypes() []arrow.DataType {
	return []arrow.DataType{
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint8, arrow.FixedWidthTypes.Boolean,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeBinary,
		arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32), arrow.Null,
		arrow.PrimitiveTypes.Float64, &arrow.FixedSizeBinaryType{ByteWidth: 16},
		indexedBy(arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int64), indexedBy(arrow.PrimitiveTypes.Uint32, arrow.FixedWidthTypes.Boolean),
		arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean), arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(9, arrow.PrimitiveTypes.Int16)),
	}
}

// wideKind marks pages of version 2.2.
const wideKind = 0x80

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

// repeated is the JSON of n rows, made from the number of the row.
func repeated(n int, format string, of func(i int) any) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(format, of(i))
	}
	return "[" + strings.Join(rows, ", ") + "]"
}

// addPage seeds with a page, cut and flipped at the bounds of its buffers.
func addPage(f *testing.F, kind uint8, p stored) {
	f.Helper()
	rows, all := uint16(p.rows), join(p.buffers)
	f.Add(kind, rows, p.description, all)
	f.Add(kind, rows+1, p.description, all)
	f.Add(kind, rows, p.description[:len(p.description)/2], all)
	at := 0
	for _, b := range p.buffers {
		for _, flip := range []int{at, at + 2, at + 1 + len(b)} {
			if flip < len(all) {
				bad := append([]byte(nil), all...)
				bad[flip] ^= 0x81
				f.Add(kind, rows, p.description, bad)
			}
		}
		f.Add(kind, rows, p.description, all[:at])
		at += 2 + len(b)
	}
}

// pageBuffers is the buffers of a page as a layout.Source.
type pageBuffers [][]byte

func (m pageBuffers) Buffers() int { return len(m) }

func (m pageBuffers) Size(buffer int) int { return len(m[buffer]) }

func (m pageBuffers) Read(buffer int, part block.Span, into []byte) error {
	copy(into, m[buffer][part.From:part.To])
	return nil
}

// FuzzDecode reads hostile pages, whole and in parts.
func FuzzDecode(f *testing.F) {
	words := []string{"north", "north-east", "south", ""}
	for _, seed := range []struct {
		kind uint8
		dt   arrow.DataType
		rows string
	}{
		{0, arrow.PrimitiveTypes.Int64, `[1, 2, null]`},
		{0, arrow.PrimitiveTypes.Int64, repeated(1200, "%d", func(i int) any { return i })},
		{0, arrow.PrimitiveTypes.Int64, repeated(300, "%d", func(i int) any { return (i / 100) << 40 })},
		{0, arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[7, null], null, []]`},
		{0, arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[], null]`},
		{1, arrow.PrimitiveTypes.Uint8, `[5, 5, 5, 5]`},
		{2, arrow.FixedWidthTypes.Boolean, `[true, false]`},
		{3, arrow.BinaryTypes.String, `["ab", null, "c"]`},
		{3, arrow.BinaryTypes.String, repeated(400, "%q", func(i int) any { return words[i%4] })},
		{3, arrow.BinaryTypes.String, repeated(500, "%q", func(i int) any { return fmt.Sprintf("order %d shipped from warehouse %d", i*7919, i%20) })},
		{4, arrow.BinaryTypes.LargeBinary, repeated(3, "%q", func(i int) any { return strings.Repeat("QUJD", 100+i) })},
		{5, arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32), `[[1, 2, 3], null]`},
		{7, arrow.PrimitiveTypes.Float64, repeated(300, "%v", func(i int) any { return 20 + float64(i)/8 })},
		{8, &arrow.FixedSizeBinaryType{ByteWidth: 16}, `["AAAAAAAAAAAAAAAAAAAAAA==", null]`},
		{11, arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean), `[[true, false, null], null, [true, true, false]]`},
		{12, arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(9, arrow.PrimitiveTypes.Int16)), `[[[1, 2, 3, 4, 5, 6, 7, 8, null], null], [[1, 2, 3, 4, 5, 6, 7, 8, 9], [9, 8, 7, 6, 5, 4, 3, 2, 1]]]`},
	} {
		for _, o := range []encoding.Options{{}, {Compression: encoding.Zstd}, {Compression: encoding.LZ4}, {Version: encoding.V2_2}} {
			for _, p := range encode(f, o, shred(f, fromJSON(f, seed.dt, seed.rows))) {
				addPage(f, seed.kind|wideKind*uint8(o.Version), p)
			}
		}
	}
	for i, dt := range fuzzTypes()[9:11] {
		for _, o := range []encoding.Options{{}, {Compression: encoding.LZ4}, {Version: encoding.V2_2}} {
			leaf, settings := keyed(f, dt.(*arrow.DictionaryType), `[1, null, 0, 1, 1, 1, 0]`)
			for _, p := range encodeAs(f, o, leaf, settings) {
				addPage(f, uint8(9+i)|wideKind*uint8(o.Version), p)
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, rows uint16, description, buffers []byte) {
		types := fuzzTypes()
		dt, bufs := types[int(kind%wideKind)%len(types)], split(buffers)
		d := encoding.Decoder{Version: encoding.Version(kind / wideKind)}
		defer d.Close()
		alloccap.Check(t, func() { drain(t)(d.Decode(description, bufs, int(rows), dt)) })
		want := []block.Span{{From: int(rows) / 4, To: int(rows)/4 + 1}, {From: int(rows)/2 + 2, To: int(rows)}}
		if want[1].From < want[1].To {
			alloccap.Check(t, func() { drain(t)(d.DecodeRows(description, pageBuffers(bufs), int(rows), want, dt)) })
		}
	})
}

// drain hands out what was decoded. Errors, then or now, must say what they are.
func drain(t *testing.T) func(*layout.Rows, error) {
	known := func(err error) bool {
		var c *corrupt.Error
		if err != nil && !errors.As(err, &c) && !errors.Is(err, fields.ErrUnsupported) {
			t.Fatalf("neither damage nor unsupported: %v", err)
		}
		return err == nil
	}
	return func(page *layout.Rows, err error) {
		if !known(err) {
			return
		}
		defer page.Release()
		for page.Remaining() > 0 {
			leaf, err := page.Next(min(page.Remaining(), 1000))
			if !known(err) {
				return
			}
			leaf.Release()
		}
	}
}
