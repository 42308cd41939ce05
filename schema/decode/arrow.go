package decode

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode/inflate"
	"github.com/pst-bridge/pst-bridge/schema/decode/ipc"
)

// arrowFormat is the stream format of Arrow IPC: the rows of its record batches.
//
//nolint:gochecknoglobals // a constant table
var arrowFormat = &format{
	types: []string{"application/vnd.apache.arrow.stream", "application/x-apache-arrow-stream"},
	magic: ipc.Magic,
	read:  (*Batch).arrow,
}

func (b *Batch) arrow() *Reject {
	if len(b.p) == 0 {
		return reject(ClassParse, "the payload is empty")
	}
	budget := b.inflater.Limits.Of(len(b.p))
	stream, err := ipc.Open(b.p, ipc.Options{
		MaxDepth: b.o.MaxDepth, MaxFields: 4 * b.o.MaxColumns, MaxRows: b.o.MaxMessageBytes / 8,
		Inflate: func(codec string, src []byte, size int) ([]byte, error) {
			if budget -= size; budget < 0 {
				return nil, fmt.Errorf("%w: its buffers become too long", inflate.ErrLimit)
			}
			return b.inflater.AppendExactly(codec, nil, src, size)
		},
	}, b.lastArrow)
	if err != nil {
		return arrowFault(err)
	}
	b.lastArrow = stream.Schema
	first := b.rows.slots
	for {
		batch, err := stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return arrowFault(err)
		}
		if rej := b.arrowRows(stream.Schema, batch); rej != nil {
			return rej
		}
		if b.failpoint != nil {
			b.failpoint()
		}
	}
	if b.rows.slots == first {
		return reject(ClassParse, "the payload has no rows")
	}
	return nil
}

func arrowFault(err error) *Reject {
	class := ClassParse
	switch {
	case errors.Is(err, ipc.ErrUnsupported):
		class = ClassType
	case errors.Is(err, ipc.ErrLimit), errors.Is(err, inflate.ErrLimit):
		class = ClassLimit
	}
	return reject(class, "%v", err)
}

// arrowRows appends the rows of a record batch.
func (b *Batch) arrowRows(s *ipc.Schema, batch *ipc.Batch) *Reject {
	if batch.Rows == 0 {
		return nil
	}
	if rej := b.arrowMembers(b.root, s.Fields, batch.Columns, span{n: batch.Rows}, place{depth: 1}); rej != nil {
		return rej
	}
	return b.finishSlots(b.rows, batch.Rows)
}

// finishSlots completes n slots of a level.
func (b *Batch) finishSlots(lv *level, n int) *Reject {
	lv.slots += n
	b.bits += n * lv.bits
	return b.checkSize()
}

// room rejects a message for the size that n more slots of a level take, before their
// values are copied.
func (b *Batch) room(lv *level, n int) *Reject {
	if n > 0 && !b.lifted && (lv.bits > (b.maxBits-b.bits)/n || b.bits > b.maxBits) {
		return overflow("the rows of the message would take more than the %d bytes allowed", b.o.MaxMessageBytes)
	}
	return nil
}

// span is which values of an array are taken: n of them, from one on.
type span struct{ from, n int }

// place is where an array lies.
type place struct {
	depth   int    // of what it lies in; 1 is the row
	present []byte // bitmap of what is not null of the struct it lies in; nil if nothing is
	fresh   bool   // what it lies in became a column just now
}

// arrowMembers appends values to the children of a struct column, for as many slots
// of its level as the span has values. The slots are completed by the caller.
func (b *Batch) arrowMembers(st *column, fields []arrow.Field, arrays []*ipc.Array, sp span, in place) *Reject {
	st.serial++
	for i, f := range fields {
		c, rej := b.lookUp(st, []byte(f.Name))
		if rej != nil {
			return rej
		}
		if !c.meet(st) {
			return c.twice()
		}
		if c.isUndeclared() {
			if rej := b.arrowUndeclared(st, f, arrays[i], sp); rej != nil {
				return rej
			}
			continue
		}
		if rej := b.arrowColumn(c, f, arrays[i], sp, in); rej != nil {
			return rej
		}
	}
	return b.arrowLacking(st, sp.n)
}

// arrowLacking gives the n open slots of a struct the defaults of members that the
// payload lacks, and rejects what lacks one that must be there.
func (b *Batch) arrowLacking(st *column, n int) *Reject {
	lv, slots := st.lv, st.lv.slots
	defer func() { lv.slots = slots }()
	for _, c := range st.defaults {
		if c.seen == st.serial {
			continue
		}
		for lv.slots = slots; lv.slots < slots+n; lv.slots++ {
			if st != b.root && !st.holds(lv.slots) {
				continue
			}
			if rej := b.fill(c); rej != nil {
				return rej
			}
		}
	}
	for _, c := range st.needed {
		if c.seen != st.serial && c.n < slots+n && (st == b.root || st.holdsAny(slots, n)) {
			return reject(ClassRequired, "field %s: the table needs a value of %s", c.path(), c.typeName())
		}
	}
	return nil
}

func (c *column) holdsAny(from, n int) bool {
	for i := from; i < from+n; i++ {
		if c.holds(i) {
			return true
		}
	}
	return false
}

// arrowUndeclared is undeclared for Arrow.
func (b *Batch) arrowUndeclared(st *column, f arrow.Field, a *ipc.Array, sp span) *Reject {
	if b.o.Declared.Policy() == schema.Ignore || nullsIn(a, a.Valid, sp) == sp.n {
		return nil
	}
	return reject(ClassUndeclared, "field %s is not declared, and values of Arrow are not kept as JSON", b.pathTo(st, []byte(f.Name)))
}

// kept says which metadata of a field its new column takes over: that of extensions,
// and of people, but nothing that says how a table is stored.
func kept(md arrow.Metadata) arrow.Metadata {
	var keys, values []string
	for i, key := range md.Keys() {
		if strings.HasPrefix(key, "lance") || strings.HasPrefix(key, "pst.") || key == "packed" {
			continue
		}
		keys, values = append(keys, key), append(values, md.Values()[i])
	}
	if len(keys) == 0 {
		return arrow.Metadata{}
	}
	return arrow.NewMetadata(keys, values)
}
