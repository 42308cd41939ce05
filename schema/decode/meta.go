package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// metaColumn is a column that the batch fills from Meta.
type metaColumn struct {
	c     *column
	holds metaKind
}

type metaKind uint8

const (
	holdsSeq metaKind = iota
	holdsEpoch
	holdsTime
	holdsSubject
	holdsHeaders
)

// addMeta makes the metadata columns that the options ask for. A column of the
// table that is not nullable is filled even if it was switched off since.
func (b *Batch) addMeta(isNew bool) {
	b.metas = b.metas[:0]
	for _, w := range []struct {
		name  string
		on    bool
		holds metaKind
	}{
		{schema.Seq, b.o.Seq, holdsSeq},
		{schema.Epoch, b.o.Seq && b.o.Epoch > 0, holdsEpoch},
		{schema.Time, b.o.Time, holdsTime},
		{schema.Subject, b.o.Subject, holdsSubject},
		{schema.Headers, b.o.Headers, holdsHeaders},
	} {
		c := b.root.byName[w.name]
		if c == nil && w.on {
			f, _ := schema.MetaField(w.name)
			f.Nullable = f.Nullable || !isNew
			c = b.fromField(b.root, b.rows, f, 1)
			b.root.adopt(c)
		}
		if c != nil && (w.on || c.required) {
			b.metas = append(b.metas, metaColumn{c, w.holds})
		}
	}
}

// isMeta tells whether the batch fills column c from Meta.
func (b *Batch) isMeta(c *column) bool {
	return slices.ContainsFunc(b.metas, func(w metaColumn) bool { return w.c == c })
}

// meta fills the metadata columns of the rows from first on. If it returns a Reject,
// the number of rows is any.
func (b *Batch) meta(m *Meta, first int) *Reject {
	end := b.rows.slots
	for _, w := range b.metas {
		b.rows.slots = first
		if rej := b.metaValues(w, m, end); rej != nil {
			return rej
		}
	}
	b.rows.slots = end
	return b.checkSize()
}

// metaValues fills one metadata column from the row that is open up to end.
func (b *Batch) metaValues(w metaColumn, m *Meta, end int) *Reject {
	var v uint64
	ok := false
	switch w.holds {
	case holdsSeq:
		v, ok = w.c.integer(m.Seq)
	case holdsEpoch:
		v, ok = w.c.integer(uint64(b.o.Epoch))
	case holdsTime:
		if typ, is := w.c.typ.(*arrow.TimestampType); is {
			var count int64
			count, _, ok = ticks(m.Time, typ.Unit)
			v = uint64(count)
		}
	case holdsSubject:
		if w.c.kind != text || !utf8.ValidString(m.Subject) {
			return misfit(w.c, "the subject")
		}
		b.scratch = append(b.scratch[:0], m.Subject...)
		return b.metaText(w.c, b.scratch, end)
	default:
		return b.metaHeaders(w.c, m.Header, end)
	}
	if !ok {
		return misfit(w.c, [...]string{holdsSeq: "the stream sequence", holdsEpoch: "the epoch of the stream", holdsTime: "the message time"}[w.holds])
	}
	for ; b.rows.slots < end; b.rows.slots++ {
		if rej := b.open(w.c); rej != nil {
			return rej
		}
		w.c.store(v)
	}
	return nil
}

// integer returns an integer as the column stores it, or false if it does not fit.
func (c *column) integer(v uint64) (uint64, bool) {
	if c.kind == unsigned && c.width == 64 {
		return v, true
	}
	n := number{mant: v, integer: true}
	return n.bitsFor(c)
}

func (b *Batch) putFixed(c *column, v uint64) *Reject {
	if rej := b.open(c); rej != nil {
		return rej
	}
	c.store(v)
	return nil
}

func (b *Batch) metaHeaders(c *column, h map[string][]string, end int) *Reject {
	if len(h) == 0 {
		if c.required {
			return misfit(c, "a message without headers")
		}
		return nil
	}
	if c.kind != text {
		return misfit(c, "the headers")
	}
	s, ok := headerJSON(h)
	if !ok {
		return misfit(c, "headers that are not valid UTF-8")
	}
	return b.metaText(c, s, end)
}

// metaText repeats a text in every row of a message, which may so outgrow what the
// payload allows.
func (b *Batch) metaText(c *column, s []byte, end int) *Reject {
	for ; b.rows.slots < end; b.rows.slots++ {
		if rej := b.putText(c, s); rej != nil {
			return rej
		}
		if rej := b.checkSize(); rej != nil {
			return rej
		}
	}
	return nil
}

// headerJSON renders headers with sorted keys, or returns false if they are not
// valid UTF-8, which JSON cannot hold.
func headerJSON(h map[string][]string) ([]byte, bool) {
	lists := make(map[string][]string, len(h))
	for key, values := range h {
		if !utf8.ValidString(key) {
			return nil, false
		}
		lists[key] = append([]string{}, values...) // never null
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, false
			}
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(lists); err != nil {
		return nil, false
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), true
}

// Check tells why no message at all could become rows of the table: one of the
// metadata columns has a type that cannot hold it, or a column that is not
// nullable has a type that JSON has no value for. A nil table is fine. Callers
// stop on it, because Append would reject every message.
func Check(table *arrow.Schema, o Options) error {
	b := NewBatch(table, o)
	if b.misfit != nil {
		return b.misfit
	}
	for _, c := range b.root.needed {
		if c.kind == foreign || isReserved(c.name) {
			return fmt.Errorf("column %s: the table needs a value of %s, which no message can give", c.path(), c.typeName())
		}
	}
	b.rows.slots = 1
	b.maxBits = b.o.MaxMessageBytes * 8
	m := Meta{Seq: 1, Time: time.Unix(0, 0), Header: map[string][]string{"k": {"v"}}}
	if rej := b.meta(&m, 0); rej != nil {
		return fmt.Errorf("the table cannot hold the metadata of messages: %w", rej)
	}
	return nil
}
