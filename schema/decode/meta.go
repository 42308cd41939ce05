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
	c   *column
	put func(b *Batch, c *column) *Reject
}

// addMeta makes the metadata columns that the options ask for. A column of the
// table that is not nullable is filled even if it was switched off since.
func (b *Batch) addMeta(isNew bool) {
	b.metas = b.metas[:0]
	for _, w := range []struct {
		name string
		on   bool
		put  func(*Batch, *column) *Reject
	}{
		{schema.Seq, b.o.Seq, (*Batch).putSeq},
		{schema.Epoch, b.o.Seq && b.o.Epoch > 0, (*Batch).putEpoch},
		{schema.Time, b.o.Time, (*Batch).putStored},
		{schema.Subject, b.o.Subject, (*Batch).putSubject},
		{schema.Headers, b.o.Headers, (*Batch).putHeaders},
	} {
		c := b.root.byName[w.name]
		if c == nil && w.on {
			f, _ := schema.MetaField(w.name)
			f.Nullable = f.Nullable || !isNew
			c = b.fromField(b.root, b.rows, f, 1)
			b.root.adopt(c)
		}
		if c != nil && (w.on || c.required) {
			b.metas = append(b.metas, metaColumn{c: c, put: w.put})
		}
	}
}

// isMeta tells whether the batch fills column c from Meta.
func (b *Batch) isMeta(c *column) bool {
	return slices.ContainsFunc(b.metas, func(w metaColumn) bool { return w.c == c })
}

// meta fills the metadata columns of the rows from first on.
func (b *Batch) meta(first int) *Reject {
	b.headers, b.subject = b.headers[:0], append(b.subject[:0], b.msg.Subject...)
	end := b.rows.slots
	defer func() { b.rows.slots = end }()
	for _, w := range b.metas {
		for b.rows.slots = first; b.rows.slots < end; b.rows.slots++ {
			if rej := w.put(b, w.c); rej != nil {
				return rej
			}
		}
	}
	return b.checkSize()
}

func (b *Batch) putSeq(c *column) *Reject {
	n := number{mant: b.msg.Seq, integer: true}
	v, ok := n.bitsFor(c)
	if !ok {
		return misfit(c, "the stream sequence")
	}
	return b.putFixed(c, v)
}

func (b *Batch) putEpoch(c *column) *Reject {
	n := number{mant: uint64(b.o.Epoch), integer: true}
	v, ok := n.bitsFor(c)
	if !ok {
		return misfit(c, "the epoch of the stream")
	}
	return b.putFixed(c, v)
}

func (b *Batch) putStored(c *column) *Reject {
	typ, ok := c.typ.(*arrow.TimestampType)
	if !ok {
		return misfit(c, "the message time")
	}
	v, _, ok := ticks(b.msg.Time, typ.Unit)
	if !ok {
		return misfit(c, "the message time")
	}
	return b.putFixed(c, uint64(v))
}

func (b *Batch) putFixed(c *column, v uint64) *Reject {
	if rej := b.open(c); rej != nil {
		return rej
	}
	c.store(v)
	return nil
}

func (b *Batch) putSubject(c *column) *Reject {
	if c.kind != text || !utf8.ValidString(b.msg.Subject) {
		return misfit(c, "the subject")
	}
	return b.putMeta(c, b.subject)
}

func (b *Batch) putHeaders(c *column) *Reject {
	if len(b.msg.Header) == 0 {
		if c.required {
			return misfit(c, "a message without headers")
		}
		return nil
	}
	if c.kind != text {
		return misfit(c, "the headers")
	}
	if len(b.headers) == 0 {
		var ok bool
		if b.headers, ok = headerJSON(b.msg.Header); !ok {
			return misfit(c, "headers that are not valid UTF-8")
		}
	}
	return b.putMeta(c, b.headers)
}

// putMeta is putText for a text that is repeated in every row of a message, and
// may so outgrow what the payload allows.
func (b *Batch) putMeta(c *column, s []byte) *Reject {
	if rej := b.putText(c, s); rej != nil {
		return rej
	}
	return b.checkSize()
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
	b.msg = Meta{Seq: 1, Time: time.Unix(0, 0), Header: map[string][]string{"k": {"v"}}}
	b.rows.slots = 1
	b.maxBits = b.o.MaxMessageBytes * 8
	if rej := b.meta(0); rej != nil {
		return fmt.Errorf("the table cannot hold the metadata of messages: %w", rej)
	}
	return nil
}
