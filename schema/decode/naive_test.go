package decode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
)

// naive reads MessagePack slowly and simply, with a reader and values of any. It shares
// no code with the decoder.
type naive struct{ r io.Reader }

type member struct {
	key   string
	value any
}

// rows are the maps of a payload.
func (n naive) rows() (rows [][]member, err error) {
	for {
		v, err := n.value()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, v := range list {
			row, ok := v.([]member)
			if !ok {
				return nil, fmt.Errorf("a row that is %T", v)
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil, errors.New("no rows")
	}
	return rows, nil
}

func (n naive) bytes(count uint64) ([]byte, error) {
	p, err := io.ReadAll(io.LimitReader(n.r, int64(min(count, math.MaxInt64))))
	if err == nil && uint64(len(p)) < count {
		err = io.ErrUnexpectedEOF
	}
	return p, err
}

func (n naive) uint(count uint64) (uint64, error) {
	p, err := n.bytes(count)
	v := new(big.Int).SetBytes(p).Uint64()
	return v, err
}

func (n naive) value() (any, error) {
	first := make([]byte, 1)
	if _, err := io.ReadFull(n.r, first); err != nil {
		return nil, err
	}
	v, err := n.after(first[0])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

func (n naive) after(c byte) (any, error) { //nolint:funlen,gocognit // the table of the specification
	sized := func(width uint64, then func(uint64) (any, error)) (any, error) {
		size, err := n.uint(width)
		if err != nil {
			return nil, err
		}
		return then(size)
	}
	integer := func(bits uint) (any, error) {
		v, err := n.uint(uint64(bits / 8))
		z := new(big.Int).SetUint64(v)
		if c >= 0xd0 && z.Bit(int(bits)-1) == 1 {
			z.Sub(z, new(big.Int).Lsh(big.NewInt(1), bits))
		}
		return z, err
	}
	switch {
	case c <= 0x7f:
		return big.NewInt(int64(c)), nil
	case c <= 0x8f:
		return n.object(uint64(c - 0x80))
	case c <= 0x9f:
		return n.array(uint64(c - 0x90))
	case c <= 0xbf:
		return n.str(uint64(c - 0xa0))
	case c >= 0xe0:
		return big.NewInt(int64(c) - 256), nil
	}
	switch c {
	case 0xc0:
		return nil, nil
	case 0xc2:
		return false, nil
	case 0xc3:
		return true, nil
	case 0xc4, 0xc5, 0xc6:
		return sized(1<<(c-0xc4), func(size uint64) (any, error) { return n.bytes(size) })
	case 0xc7, 0xc8, 0xc9:
		return sized(1<<(c-0xc7), n.extension)
	case 0xca:
		v, err := n.uint(4)
		return float64(math.Float32frombits(uint32(v))), err
	case 0xcb:
		v, err := n.uint(8)
		return math.Float64frombits(v), err
	case 0xcc, 0xd0:
		return integer(8)
	case 0xcd, 0xd1:
		return integer(16)
	case 0xce, 0xd2:
		return integer(32)
	case 0xcf, 0xd3:
		return integer(64)
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return n.extension(1 << (c - 0xd4))
	case 0xd9, 0xda, 0xdb:
		return sized(1<<(c-0xd9), n.str)
	case 0xdc, 0xdd:
		return sized(2<<(c-0xdc), n.array)
	case 0xde, 0xdf:
		return sized(2<<(c-0xde), n.object)
	}
	return nil, fmt.Errorf("the byte %x", c)
}

func (n naive) str(size uint64) (any, error) {
	p, err := n.bytes(size)
	if err == nil && !utf8.Valid(p) {
		err = errors.New("no UTF-8")
	}
	return string(p), err
}

func (n naive) array(size uint64) (any, error) {
	list := []any{}
	for range size {
		v, err := n.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (n naive) object(size uint64) (any, error) {
	members := []member{}
	for range size {
		key, err := n.value()
		if err != nil {
			return nil, err
		}
		v, err := n.value()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok || slices.ContainsFunc(members, func(m member) bool { return m.key == name }) {
			return nil, errors.New("a key that is no string, or comes twice")
		}
		members = append(members, member{name, v})
	}
	return members, nil
}

func (n naive) extension(size uint64) (any, error) {
	p, err := n.bytes(size + 1)
	if err != nil {
		return nil, err
	}
	typ, p := int8(p[0]), p[1:]
	var sec, nano int64
	switch {
	case typ == -1 && size == 4:
		sec = int64(binary.BigEndian.Uint32(p))
	case typ == -1 && size == 8:
		both := new(big.Int).SetBytes(p)
		sec = new(big.Int).And(both, big.NewInt(1<<34-1)).Int64()
		nano = new(big.Int).Rsh(both, 34).Int64()
	case typ == -1 && size == 12:
		nano, sec = int64(binary.BigEndian.Uint32(p[:4])), int64(binary.BigEndian.Uint64(p[4:]))
	default:
		return nil, errors.New("an extension")
	}
	if nano > 999_999_999 {
		return nil, errors.New("nanoseconds")
	}
	return [2]int64{sec, nano}, nil
}

// holdsPacked checks the rows of rec from first on against those of the naive reader.
func holdsPacked(rec arrow.Record, first int, rows [][]member) error {
	for i, row := range rows {
		if err := packedFields(rec.Schema().Fields(), rec.Columns(), first+i, row, schema.ColumnName); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

func packedFields(fields []arrow.Field, columns []arrow.Array, i int, row []member, name func(string) string) error {
	values := map[string]any{}
	for _, m := range row {
		values[name(m.key)] = m.value
	}
	for k, f := range fields {
		if err := holds(columns[k], i, values[f.Name]); err != nil {
			return fmt.Errorf("field %q: %w", f.Name, err)
		}
		delete(values, f.Name)
	}
	for name, v := range values {
		if !packedTypeless(v) {
			return fmt.Errorf("field %q: %v is lost", name, v)
		}
	}
	return nil
}

func packedTypeless(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !packedTypeless(e) })
	case []member:
		return !slices.ContainsFunc(v, func(m member) bool { return !packedTypeless(m.value) })
	}
	return false
}

// holds compares one value of an array with what the naive reader read.
func holds(a arrow.Array, i int, want any) error { //nolint:gocognit // one case a type
	if want == nil || a.IsNull(i) {
		if a.IsNull(i) != (want == nil) {
			return fmt.Errorf("null %t, want %v", a.IsNull(i), want)
		}
		return nil
	}
	ok := false
	switch a := a.(type) {
	case *array.Boolean:
		ok = want == a.Value(i)
	case *array.String:
		ok = want == a.Value(i)
	case *array.Binary:
		p, is := want.([]byte)
		ok = is && string(p) == string(a.Value(i))
	case *array.Int64:
		ok = sameInteger(want, new(big.Int).SetInt64(a.Value(i)))
	case *array.Uint64:
		ok = sameInteger(want, new(big.Int).SetUint64(a.Value(i)))
	case *array.Float64:
		ok = sameFloat(want, a.Value(i))
	case *array.Float32: // of vectors
		switch w := want.(type) {
		case float64:
			ok = float32(w) == a.Value(i) || math.IsNaN(w) && a.Value(i) != a.Value(i)
		case *big.Int:
			f, _ := new(big.Float).SetInt(w).Float32()
			ok = f == a.Value(i)
		}
	case *array.Timestamp:
		t, is := want.([2]int64)
		if !is { // a number counts the units
			ok = sameInteger(want, big.NewInt(int64(a.Value(i))))
			break
		}
		unit := a.DataType().(*arrow.TimestampType).Unit.Multiplier()
		whole := new(big.Int).Mul(big.NewInt(t[0]), big.NewInt(int64(time.Second)))
		whole.Add(whole, big.NewInt(t[1]))
		ok = is && whole.Cmp(new(big.Int).Mul(big.NewInt(int64(a.Value(i))), big.NewInt(int64(unit)))) == 0
	case *array.Struct:
		members, is := want.([]member)
		if !is {
			break
		}
		columns := make([]arrow.Array, a.NumField())
		for k := range columns {
			columns[k] = a.Field(k)
		}
		return packedFields(a.DataType().(*arrow.StructType).Fields(), columns, i, members, schema.MemberName)
	case array.ListLike:
		start, end := a.ValueOffsets(i)
		items, is := want.([]any)
		if !is || int(end-start) != len(items) {
			return fmt.Errorf("%d items, want %v", end-start, want)
		}
		for k, v := range items {
			if err := holds(a.ListValues(), int(start)+k, v); err != nil {
				return fmt.Errorf("item %d: %w", k, err)
			}
		}
		return nil
	}
	if !ok {
		return fmt.Errorf("%v, want %v", a.ValueStr(i), want)
	}
	return nil
}

func sameInteger(want any, got *big.Int) bool {
	if f, ok := want.(float64); ok { // where the column cannot become one of floats
		return sameFloat(new(big.Int).Set(got), f)
	}
	z, ok := want.(*big.Int)
	return ok && z.Cmp(got) == 0
}

func sameFloat(want any, got float64) bool {
	switch w := want.(type) {
	case float64:
		return math.Float64bits(w) == math.Float64bits(got)
	case *big.Int:
		exact, _ := new(big.Float).SetFloat64(got).Int(nil)
		return got == math.Trunc(got) && exact.Cmp(w) == 0
	}
	return false
}
