package v20

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

const (
	// defaultRoom is what a page may always expand to, and perByte how often it may
	// expand what is stored: strings of a dictionary, zstd, nulls. A page of the
	// reference holds 32 MiB of Arrow data.
	defaultRoom = 16 << 20
	perByte     = 1024
)

// values are the items of an array, and which of them count.
type values struct {
	block.Block
	valid []byte // one bit per item, set = valid; nil: all are
}

// decoder decodes the arrays of one page.
type decoder struct {
	buffers   [][]byte
	keyed     bool // what is decoded is of a dictionary type
	room      int  // bytes that may come from less stored data
	expanders *compress.Expanders
}

// spend takes from the room.
func (d *decoder) spend(n int) error {
	if n < 0 || n > d.room {
		return errors.New("the page expands to far more than is stored")
	}
	d.room -= n
	return nil
}

// array decodes n items of a shape.
func (d *decoder) array(e *lancepb.ArrayEncoding, n int, s block.Shape) (values, error) {
	switch e := e.GetEncoding().(type) {
	case *lancepb.ArrayEncoding_Nullable:
		return d.nullable(e.Nullable, n, s)
	case *lancepb.ArrayEncoding_Flat:
		return d.flat(e.Flat, n, s)
	case *lancepb.ArrayEncoding_FixedSizeList:
		return d.fixedSizeList(e.FixedSizeList, n, s)
	case *lancepb.ArrayEncoding_Binary:
		return d.binary(e.Binary, n, s)
	case *lancepb.ArrayEncoding_Fsst:
		return d.fsst(e.Fsst, n, s)
	case *lancepb.ArrayEncoding_Dictionary:
		return d.dictionary(e.Dictionary, n, s)
	case *lancepb.ArrayEncoding_FixedSizeBinary:
		return d.fixedSizeBinary(e.FixedSizeBinary, n, s)
	case nil:
		return values{}, fmt.Errorf("an encoding of no known kind: %w", fields.ErrUnsupported)
	}
	return values{}, fmt.Errorf("encoding %s: %w", name(e), fields.ErrUnsupported)
}

// name is the encoding's name in the format.
func name(e *lancepb.ArrayEncoding) string {
	m := e.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().Get(0)); f != nil {
		return string(f.Name())
	}
	return "unknown"
}

func misfit(what string, s block.Shape) error {
	if s.Offsets > 0 {
		return fmt.Errorf("%s for values of varying size", what)
	}
	return fmt.Errorf("%s for values of %d bits", what, s.Width)
}

func (d *decoder) nullable(e *lancepb.NullableArray, n int, s block.Shape) (values, error) {
	switch e := e.GetNullability().(type) {
	case *lancepb.NullableArray_NoNulls_:
		return d.array(e.NoNulls.GetValues(), n, s)
	case *lancepb.NullableArray_AllNulls_:
		return d.nulls(n, s)
	case *lancepb.NullableArray_SomeNulls_:
		valid, err := d.array(e.SomeNulls.GetValidity(), n, block.Shape{Width: 1})
		if err != nil {
			return values{}, fmt.Errorf("validity: %w", err)
		}
		v, err := d.array(e.SomeNulls.GetValues(), n, s)
		if err == nil {
			v.valid = both(valid.Data, v.valid, n)
		}
		return v, err
	}
	return values{}, errors.New("no nullability")
}

// both are the items that are valid in a and in b; nil b is all.
func both(a, b []byte, n int) []byte {
	if b == nil {
		return a
	}
	out := make([]byte, (n+7)/8)
	for i := range out {
		out[i] = a[i] & b[i]
	}
	return out
}

// nulls are n items that are all null.
func (d *decoder) nulls(n int, s block.Shape) (values, error) {
	if s.Null {
		return values{Block: block.Block{Items: n}}, nil
	}
	if n > math.MaxInt/(s.Width+s.Offsets+1)-8 {
		return values{}, d.spend(-1)
	}
	if err := d.spend((n*(s.Width+s.Offsets+1) + 7) / 8); err != nil {
		return values{}, err
	}
	b := block.NewBuilder(s, 0, 0)
	b.AppendZeros(n)
	return values{Block: b.Block(), valid: make([]byte, (n+7)/8)}, nil
}

func (d *decoder) flat(e *lancepb.FlatArray, n int, s block.Shape) (values, error) {
	if s.Offsets > 0 || s.Null || uint64(s.Width) != e.GetBitsPerValue() {
		return values{}, misfit(fmt.Sprintf("flat values of %d bits", e.GetBitsPerValue()), s)
	}
	if n > (math.MaxInt-7)/s.Width {
		return values{}, fmt.Errorf("%d values of %d bits", n, s.Width)
	}
	need := (n*s.Width + 7) / 8
	data, err := d.buffer(e, need)
	if err != nil {
		return values{}, err
	}
	if len(data) < need {
		return values{}, fmt.Errorf("%d bytes for %d values of %d bits", len(data), n, s.Width)
	}
	return values{Block: block.Block{Items: n, Width: s.Width, Data: data[:need:need]}}, nil
}

// buffer is the content of the buffer that an array names.
func (d *decoder) buffer(e *lancepb.FlatArray, need int) ([]byte, error) {
	ref := e.GetBuffer()
	if ref.GetBufferType() != lancepb.BufferRef_PAGE {
		return nil, fmt.Errorf("a buffer outside of the page: %w", fields.ErrUnsupported)
	}
	if int64(ref.GetBufferIndex()) >= int64(len(d.buffers)) {
		return nil, fmt.Errorf("buffer %d of %d", ref.GetBufferIndex(), len(d.buffers))
	}
	data := d.buffers[ref.GetBufferIndex()]
	c := &lancepb.BufferCompression{}
	switch scheme := e.GetCompression().GetScheme(); scheme {
	case "", "none":
		return data, nil
	case "zstd":
		c.Scheme = lancepb.CompressionScheme_COMPRESSION_ZSTD
	case "lz4":
		c.Scheme = lancepb.CompressionScheme_COMPRESSION_LZ4
	default:
		return nil, fmt.Errorf("compression %q: %w", scheme, fields.ErrUnsupported)
	}
	if err := d.spend(need); err != nil {
		return nil, err
	}
	x, err := d.expanders.Open(c, need)
	if err != nil {
		return nil, err
	}
	out, err := x.Expand(data)
	return append([]byte{}, out...), err
}

func (d *decoder) fixedSizeList(e *lancepb.FixedSizeListArray, n int, s block.Shape) (values, error) {
	dim := int(e.GetDimension())
	if len(s.Dims) == 0 || dim != s.Dims[0] || dim == 0 {
		return values{}, misfit(fmt.Sprintf("lists of %d items", dim), s)
	}
	if e.GetHasValidity() {
		return values{}, fmt.Errorf("fixed size lists with validity of their own: %w", fields.ErrUnsupported)
	}
	if n > math.MaxInt/dim {
		return values{}, fmt.Errorf("%d lists of %d items", n, dim)
	}
	inner := block.Shape{Width: s.Width / dim, Dims: s.Dims[1:], Bits: s.Bits}
	bottom := s.Bits && len(inner.Dims) == 0
	if bottom {
		inner = block.Shape{Width: 1}
	}
	v, err := d.array(e.GetItems(), n*dim, inner)
	if err != nil {
		return values{}, err
	}
	if bottom {
		if err := d.spend(n * dim); err != nil {
			return values{}, err
		}
		b := block.NewBuilder(s, 0, 0)
		b.AppendBools(v.Data, 0, n)
		v.Block = b.Block()
	}
	out := values{Block: block.Block{Items: n, Width: s.Width, Data: v.Data}}
	if v.valid != nil || v.Inner != nil {
		out.Inner = append([][]byte{v.valid}, v.Inner...)
		out.Inner = append(out.Inner, make([][]byte, len(s.Dims)-len(out.Inner))...)
	}
	return out, nil
}

// toArrow is an array over decoded values, which it takes over.
func toArrow(v values, dt arrow.DataType) (arrow.Array, error) {
	arr, err := block.ToArrow(dt, v.Block)
	if err != nil || v.valid == nil || dt.ID() == arrow.NULL {
		return arr, err
	}
	defer arr.Release()
	d := arr.Data()
	buffers := append([]*memory.Buffer{memory.NewBufferBytes(v.valid)}, d.Buffers()[1:]...)
	nulls := v.Items - bitutil.CountSetBits(v.valid, 0, v.Items)
	data := array.NewData(dt, v.Items, buffers, d.Children(), nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// ends are the positions at which n lists or values end, and which are not null.
// Null is what carries the adjustment.
func (d *decoder) ends(e *lancepb.ArrayEncoding, n int, adjustment uint64) (ends []uint64, valid []byte, err error) {
	v, err := d.array(e, n, block.Shape{Width: 64})
	if err != nil {
		return nil, nil, fmt.Errorf("offsets: %w", err)
	}
	if v.valid != nil {
		return nil, nil, errors.New("offsets that are null")
	}
	ends = make([]uint64, n)
	last := uint64(0)
	for i := range ends {
		end := binary.LittleEndian.Uint64(v.Data[8*i:])
		if end >= adjustment {
			end -= adjustment
			if valid == nil {
				valid = make([]byte, (n+7)/8)
				bitutil.SetBitsTo(valid, 0, int64(n), true)
			}
			bitutil.ClearBit(valid, i)
		}
		if end < last {
			return nil, nil, fmt.Errorf("offset %d after %d", end, last)
		}
		ends[i], last = end, end
	}
	return ends, valid, nil
}
