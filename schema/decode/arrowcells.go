package decode

import (
	"math"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/float16"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode/ipc"
)

// bytesAt is a value of text or of a fixed width.
func bytesAt(a *ipc.Array, i int) []byte {
	if t, ok := a.Type.(arrow.FixedWidthDataType); ok {
		width := t.BitWidth() / 8
		return a.Data[i*width : (i+1)*width]
	}
	return a.Data[a.Offset(i):a.Offset(i+1)]
}

func isText(t arrow.DataType) bool { return t.ID() == arrow.STRING || t.ID() == arrow.LARGE_STRING }

// floatAt is a value of an array of floats.
func floatAt(a *ipc.Array, i int) (float64, bool) {
	switch a.Type.ID() {
	case arrow.FLOAT16:
		return float64(float16.FromBits(uint16(integerAt(a, a.Type, i))).Float32()), true
	case arrow.FLOAT32:
		return float64(math.Float32frombits(uint32(integerAt(a, a.Type, i)))), true
	case arrow.FLOAT64:
		return math.Float64frombits(integerAt(a, a.Type, i)), true
	default:
		return 0, false
	}
}

// setIntegerOf makes a value of an array of integers the number in hand.
func (b *Batch) setIntegerOf(a *ipc.Array, i int) {
	v := integerAt(a, a.Type, i)
	neg := arrow.IsSignedInteger(a.Type.ID()) && int64(v) < 0
	if neg {
		v = -v
	}
	b.setInteger(neg, v)
}

// arrowCells appends values one by one, each cast to the type of the column.
func (b *Batch) arrowCells(c *column, a *ipc.Array, sp span, valid []byte) *Reject {
	return b.eachCell(c.lv, sp, valid, func(i int) *Reject { return b.arrowCell(c, a, i) })
}

// eachCell opens the slot of each value that is not null.
func (b *Batch) eachCell(lv *level, sp span, valid []byte, put func(i int) *Reject) *Reject {
	first := lv.slots
	defer func() { lv.slots = first }()
	for i := range sp.n {
		at := sp.from + i
		if valid != nil && valid[at>>3]>>(at&7)&1 == 0 {
			continue
		}
		lv.slots = first + i
		if rej := put(at); rej != nil {
			return rej
		}
		if i&0xfff == 0xfff {
			if rej := b.checkSize(); rej != nil {
				return rej
			}
		}
	}
	return nil
}

// arrowCell stores a value in the slot that is open.
func (b *Batch) arrowCell(c *column, a *ipc.Array, i int) *Reject {
	switch id := a.Type.ID(); {
	case id == arrow.DICTIONARY:
		part, k, rej := entryAt(c, a, i)
		if rej != nil {
			return rej
		}
		if part == nil {
			if c.required || c.demanded {
				return reject(ClassRequired, "field %s: the table needs a value of %s", c.path(), c.typeName())
			}
			return nil
		}
		return b.arrowCell(c, part, k)
	case arrow.IsInteger(id) && c.isNumber():
		b.setIntegerOf(a, i)
		return b.putNumber(c)
	case arrow.IsFloating(id) && c.isNumber():
		f, _ := floatAt(a, i)
		return b.putFloat(c, f)
	case isText(a.Type) && (c.kind == text || c.kind == dictionary && c.item.kind == text):
		v := bytesAt(a, i)
		if !utf8.Valid(v) {
			return reject(ClassParse, "field %s: invalid UTF-8 in a string", c.path())
		}
		return b.putString(c, v)
	case id == arrow.BINARY || id == arrow.LARGE_BINARY || id == arrow.FIXED_SIZE_BINARY:
		return b.putBinary(c, bytesAt(a, i))
	case id == arrow.TIMESTAMP && (c.kind == timestamp || c.kind == date):
		return b.arrowInstant(c, int64(integerAt(a, a.Type, i)), a.Type.(*arrow.TimestampType))
	case id == arrow.DATE32 && c.kind == timestamp:
		const day = 24 * 60 * 60
		return b.putInstant(c, day*int64(integerAt(a, a.Type, i)), 0, false)
	case c.hasWidth() && c.width <= 64 && c.sameType(a.Type):
		return b.putFixed(c, integerAt(a, a.Type, i)) // of a dictionary
	default:
		return misfit(c, a.Type.String())
	}
}

// arrowInstant stores a timestamp of another unit. One with a zone is an instant, one
// without is none. A column of dates becomes one of instants, if it may be widened.
func (b *Batch) arrowInstant(c *column, v int64, from *arrow.TimestampType) *Reject {
	if c.kind == date {
		if from.TimeZone == "" {
			return misfit(c, from.String())
		}
		if rej := b.widenTo(c, schema.Instant, from.String()); rej != nil {
			return rej
		}
	}
	if (c.typ.(*arrow.TimestampType).TimeZone == "") != (from.TimeZone == "") {
		return misfit(c, from.String())
	}
	size := int64(from.Unit.Multiplier())
	perSecond := int64(1e9) / size
	sec, rest := v/perSecond, v%perSecond
	if rest < 0 {
		sec, rest = sec-1, rest+perSecond
	}
	return b.putInstant(c, sec, rest*size, false)
}

// entryAt is the entry that a value of a dictionary array means; part is nil if it is null.
func entryAt(c *column, a *ipc.Array, i int) (part *ipc.Array, at int, rej *Reject) {
	n := integerAt(a, a.Type.(*arrow.DictionaryType).IndexType, i)
	if a.Dict == nil || n >= uint64(a.Dict.Len) {
		return nil, 0, reject(ClassParse, "field %s: the number of no entry of its dictionary", c.path())
	}
	part, at = a.Dict.At(int(n))
	if part.Type.ID() == arrow.NULL || part.IsNull(at) {
		return nil, 0, nil
	}
	return part, at, nil
}

// arrowEntries appends values of a dictionary array to a dictionary column.
func (b *Batch) arrowEntries(c *column, a *ipc.Array, sp span, valid []byte) *Reject {
	if t := a.Type.(*arrow.DictionaryType); !c.item.sameType(t.ValueType) {
		return b.arrowCells(c, a, sp, valid)
	}
	var known []int32 // the column's number of each entry, and 1; 0 for not known yet
	if a.Dict != nil && a.Dict.Len <= 4*sp.n {
		known = make([]int32, a.Dict.Len)
	}
	index := a.Type.(*arrow.DictionaryType).IndexType
	return b.eachCell(c.lv, sp, valid, func(i int) *Reject {
		n := integerAt(a, index, i)
		if n < uint64(len(known)) && known[n] > 0 {
			return b.putFixed(c, uint64(known[n]-1))
		}
		part, at, rej := entryAt(c, a, i)
		if rej != nil {
			return rej
		}
		if part == nil {
			return b.arrowCell(c, a, i)
		}
		v := bytesAt(part, at)
		if c.item.kind == text && !utf8.Valid(v) {
			return reject(ClassParse, "field %s: invalid UTF-8 in a string", c.path())
		}
		if rej := b.putEntry(c, v); rej != nil {
			return rej
		}
		if known != nil {
			known[n] = 1 + c.entries[string(v)]
		}
		return nil
	})
}

// arrowTexts appends to a column of text that keeps other values too. What claims to be
// JSON must be.
func (b *Batch) arrowTexts(c *column, a *ipc.Array, sp span, valid []byte) *Reject {
	if !isText(a.Type) {
		return misfit(c, a.Type.String())
	}
	return b.eachCell(c.lv, sp, valid, func(i int) *Reject {
		v := bytesAt(a, i)
		if c.keeps == keepsJSON {
			if rej := b.isJSON(v); rej != nil {
				return reject(ClassType, "field %s: a string that is not JSON: %s", c.path(), rej.Reason)
			}
		}
		return b.arrowCell(c, a, i)
	})
}

// isJSON rejects what is not the text of one JSON value.
func (b *Batch) isJSON(v []byte) *Reject {
	p, i := b.p, b.i
	defer func() { b.p, b.i = p, i }()
	b.p, b.i = v, 0
	b.space()
	if rej := b.skip(1); rej != nil {
		return rej
	}
	if b.space(); b.i < len(b.p) {
		return b.unexpected()
	}
	return nil
}
