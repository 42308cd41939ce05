package v20

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/nullarray"
)

// newDecoder is a decoder of a page's buffers.
func newDecoder(buffers [][]byte, x *compress.Expanders) *decoder {
	room := defaultRoom
	for _, b := range buffers {
		room += min(len(b), math.MaxInt32) * perByte
	}
	return &decoder{buffers: buffers, room: room, expanders: x}
}

// leaf reads values.
type leaf struct {
	cursor
	dt        arrow.DataType
	keyed     bool // the column is of a dictionary type
	shape     block.Shape
	inList    bool
	expanders *compress.Expanders
	decoded   arrow.Array // the page; nil for a page of nulls
}

// decode reads a page whole, unless it is all null and costs nothing.
func (l *leaf) decode(rows int, description []byte, buffers [][]byte) error {
	l.close()
	e := &lancepb.ArrayEncoding{}
	if err := proto.Unmarshal(description, e); err != nil {
		return err
	}
	if e.GetNullable().GetAllNulls() != nil {
		return nil
	}
	d := newDecoder(buffers, l.expanders)
	d.keyed = l.keyed
	var err error
	if t, packed := l.dt.(*arrow.StructType); packed {
		if e.GetPackedStruct() == nil {
			return fmt.Errorf("encoding %s of a packed struct", name(e))
		}
		l.decoded, err = d.packedStruct(e.GetPackedStruct(), rows, t)
		return err
	}
	v, err := d.array(e, rows, l.shape)
	if err != nil {
		return err
	}
	l.decoded, err = toArrow(v, l.dt)
	return err
}

func (l *leaf) next(n int) (arrow.Array, error) {
	var parts []arrow.Array
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	for left := n; left > 0; {
		if err := l.advance(l.decode); err != nil {
			return nil, err
		}
		k := min(left, l.rows-l.used)
		if l.decoded != nil {
			parts = append(parts, array.NewSlice(l.decoded, int64(l.used), int64(l.used+k)))
		} else {
			if err := l.affordable(k); err != nil {
				return nil, l.damage(err)
			}
			parts = append(parts, nullarray.New(l.dt, k))
		}
		l.used, left = l.used+k, left-k
	}
	switch len(parts) {
	case 0:
		return nullarray.New(l.dt, 0), nil
	case 1:
		parts[0].Retain()
		return parts[0], nil
	}
	return array.Concatenate(parts, memory.DefaultAllocator)
}

// affordable bounds how many null items a list may claim without a byte stored;
// rows are as many as the caller asked for.
func (l *leaf) affordable(n int) error {
	if l.inList && n > defaultRoom/(l.shape.Width/8+l.shape.Offsets/8+1) {
		return errors.New("lists of far more null items than are stored")
	}
	return nil
}

func (l *leaf) skip(n int) error {
	for n -= l.take(n); n > 0; n -= l.take(n) {
		n -= l.pass(n)
		if n == 0 {
			return nil
		}
		if err := l.advance(l.decode); err != nil {
			return err
		}
	}
	return nil
}

// take uses up to n rows of the current page.
func (c *cursor) take(n int) int {
	k := min(n, c.rows-c.used)
	c.used += k
	return k
}

func (l *leaf) close() {
	if l.decoded != nil {
		l.decoded.Release()
		l.decoded = nil
	}
}

// list reads offsets, and the items they count from the column below.
type list struct {
	cursor
	dt        arrow.DataType
	items     node
	expanders *compress.Expanders
	ends      []uint64 // of the page
	valid     []byte   // of the page; nil: all
}

func (l *list) decode(rows int, description []byte, buffers [][]byte) error {
	e := &lancepb.ArrayEncoding{}
	if err := proto.Unmarshal(description, e); err != nil {
		return err
	}
	lists := e.GetList()
	if lists == nil {
		return fmt.Errorf("encoding %s of a list", name(e))
	}
	var err error
	d := newDecoder(buffers, l.expanders)
	if l.ends, l.valid, err = d.ends(lists.GetOffsets(), rows, lists.GetNullOffsetAdjustment()); err != nil {
		return err
	}
	if last := l.ends[rows-1]; last != lists.GetNumItems() {
		return fmt.Errorf("offsets end at item %d of %d", last, lists.GetNumItems())
	}
	return nil
}

// start is the item that the next list of the page begins with.
func (l *list) start() uint64 {
	if l.used == 0 {
		return 0
	}
	return l.ends[l.used-1]
}

func (l *list) next(n int) (arrow.Array, error) {
	large := l.dt.ID() == arrow.LARGE_LIST
	room := min(n, 1<<13) + 1
	offsets32, offsets64 := make([]int32, 1, room), make([]int64, 1, room)
	var valid []byte
	total, nulls := uint64(0), 0
	for row := range n {
		if err := l.advance(l.decode); err != nil {
			return nil, err
		}
		total += l.ends[l.used] - l.start()
		if total > math.MaxInt32 {
			return nil, l.damage(fmt.Errorf("more than %d items in %d lists", math.MaxInt32, n))
		}
		if large {
			offsets64 = append(offsets64, int64(total))
		} else {
			offsets32 = append(offsets32, int32(total))
		}
		if row%8 == 0 {
			valid = append(valid, 0xFF)
		}
		if l.valid != nil && !bitutil.BitIsSet(l.valid, l.used) {
			bitutil.ClearBit(valid, row)
			nulls++
		}
		l.used++
	}
	items, err := l.items.next(int(total))
	if err != nil {
		return nil, err
	}
	defer items.Release()
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets32))}
	if large {
		buffers[1] = memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(offsets64))
	}
	if nulls > 0 {
		buffers[0] = memory.NewBufferBytes(valid)
	}
	data := array.NewData(l.dt, n, buffers, []arrow.ArrayData{items.Data()}, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

func (l *list) skip(n int) error {
	for n > 0 {
		if err := l.advance(l.decode); err != nil {
			return err
		}
		from := l.start()
		n -= l.take(n)
		items := l.start() - from
		if items > math.MaxInt {
			return l.damage(fmt.Errorf("%d items", items))
		}
		if err := l.items.skip(int(items)); err != nil {
			return err
		}
	}
	return nil
}

func (l *list) close() { l.items.close() }
