package decode

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema/decode/inflate"
	"github.com/pst-bridge/pst-bridge/schema/decode/ipc"
)

// Meta is what JetStream says about a message.
type Meta struct {
	Seq     uint64
	Time    time.Time
	Subject string
	Header  map[string][]string
}

// Batch collects the rows of messages as columns. It is owned by one goroutine
// at a time.
type Batch struct {
	scanner
	o     Options
	root  *column // the row: a struct without a name
	rows  *level
	metas []metaColumn

	serial  uint64 // of the message in hand
	bits    int    // Arrow data held
	maxBits int    // where the message in hand must stay below
	born    int    // columns that the batch adds
	named   int    // columns of the table and those
	unborn  int    // fields known only as null
	log     []change
	last    lastForm
	spent   bool
	lifted  bool                                  // limits that messages share do not hold now
	table   *arrow.Schema                         // as Reset got it
	applied struct{ table, schema *arrow.Schema } // a table, and that with what is declared
	misfit  error                                 // why the table cannot be what is declared

	extra    extras // of the row in hand
	nameless column // the undeclared field in hand, if it is not remembered

	binary []byte // the last base64

	lastArrow *ipc.Schema // of the last payload in Arrow
	inflater  inflate.Decoder
	inflated  []byte // the last payload that was compressed

	failpoint func() // tests make the decoder panic here
}

// NewBatch makes an empty batch for a table with the given schema, nil if there
// is no table yet. The schema is not modified.
func NewBatch(table *arrow.Schema, o Options) *Batch {
	b := &Batch{o: o.withDefaults()}
	b.inflater.Limits = inflate.Limits{Bytes: b.o.MaxInflated, Ratio: b.o.MaxRatio, Free: inflatedFree, Window: b.o.MaxWindow}
	b.Reset(table)
	return b
}

// Rows is the number of rows held.
func (b *Batch) Rows() int { return b.rows.slots }

// Bytes is the size of the Arrow data held, as Record will show it: nulls
// count, spare capacity does not.
func (b *Batch) Bytes() int { return b.bits / 8 }

var errSpent = errors.New("decode: the batch was handed over by Record and not Reset since")

// Append decodes one message, whose headers say how its payload is to be read, and
// makes rows of it. The payload is not kept beyond the next message or Record. It returns the number of rows added, which is at least 1.
//
// If the message cannot become rows, the error is a *Reject and the batch holds
// exactly what it held before, columns and types included. Other errors leave it
// so, too: ErrFull, and one that says that the batch was not Reset after Record.
func (b *Batch) Append(m Meta, payload []byte) (rows int, err error) {
	if b.spent {
		return 0, errSpent
	}
	if b.misfit != nil {
		return 0, fmt.Errorf("decode: %w", b.misfit)
	}
	before := b.mark()
	b.serial++
	if rej := b.message(&m, payload); rej != nil {
		b.restore(before)
		if !rej.shared || before.rows == 0 || b.lifted {
			return 0, rej
		}
		if !b.o.Unsplit {
			return 0, ErrFull
		}
		return b.appendLifted(m, payload)
	}
	b.done()
	return b.rows.slots - before.rows, nil
}

// appendLifted takes a message that the batch has no room for, if an empty batch
// would have.
func (b *Batch) appendLifted(m Meta, payload []byte) (rows int, err error) {
	if _, err := NewBatch(b.table, b.o).Append(m, payload); err != nil {
		return 0, err
	}
	b.lifted = true
	defer func() { b.lifted = false }()
	return b.Append(m, payload)
}

// message appends the rows of a message. If it returns a Reject the batch is in
// any state that restore can mend.
func (b *Batch) message(m *Meta, payload []byte) (rej *Reject) {
	defer func() {
		if r := recover(); r != nil {
			rej = reject(ClassPanic, "%s", panicText(r))
		}
	}()
	form, rej := b.form(m.Header)
	if rej != nil {
		return rej
	}
	payload, rej = b.plain(form.encoding, payload)
	if rej != nil {
		return rej
	}
	if form.format == nil {
		form.format = sniff(payload)
	}
	allowed := min(max(b.o.MaxMessageBytes, 8*len(payload)), math.MaxInt/16)
	b.take(payload)
	b.keys.reset()
	b.maxNumber = b.o.MaxNumberBytes
	b.maxBits = b.bits + 8*allowed
	first := b.rows.slots
	if rej := form.format.read(b); rej != nil {
		return rej
	}
	return b.meta(m, first)
}

// panicText describes a panic without bytes of the payload: the texts of the
// runtime hold numbers and types only.
func panicText(r any) string {
	if err, ok := r.(runtime.Error); ok {
		return err.Error()
	}
	return "the decoder failed"
}

// endRow completes the row that is open.
func (b *Batch) endRow() *Reject {
	if b.failpoint != nil {
		b.failpoint()
	}
	return b.finish(b.rows)
}

// finish completes the slot of a level that is open.
func (b *Batch) finish(lv *level) *Reject {
	lv.slots++
	b.bits += lv.bits
	return b.checkSize()
}

// checkSize enforces the limit on what one message may add.
func (b *Batch) checkSize() *Reject {
	if b.bits > b.maxBits && !b.lifted {
		return overflow("the rows of the message would take more than the %d bytes allowed", b.o.MaxMessageBytes)
	}
	return nil
}

// mark is what restore needs besides the log of changes.
type mark struct{ rows, bits int }

func (b *Batch) mark() mark { return mark{rows: b.rows.slots, bits: b.bits} }

// change is a step that cutting columns back to their former length does not
// undo.
type change struct {
	c   *column
	op  op
	was *former // of opRetyped
	n   int     // of opGrown: entries before
}

type op uint8

const (
	opAdded           op = iota // the column is new, its type unknown
	opBorn                      // its type became known
	opLive                      // it got its first value in this batch
	opInexact                   // it got its first integer that is not exact as a float64
	opNegative                  // it got its first negative integer
	opUnsigned                  // it went from int64 to uint64
	opWidened                   // it went from int64 to floats
	opWidenedUnsigned           // it went from uint64 to floats
	opRetyped                   // a column of the table became a wider one
	opGrown                     // a dictionary got more entries
)

func (b *Batch) note(c *column, op op) { b.log = append(b.log, change{c: c, op: op}) }

// restore takes the batch back to the state it was in at the mark.
func (b *Batch) restore(m mark) {
	for _, c := range b.root.children {
		c.truncate(m.rows)
	}
	b.rows.slots = m.rows
	for i := len(b.log) - 1; i >= 0; i-- {
		switch c := b.log[i].c; b.log[i].op {
		case opAdded:
			b.forget(c)
		case opBorn:
			b.unbear(c)
		case opLive:
			c.live = false
			c.lv.bits -= c.slotBits()
		case opInexact:
			c.inexact = false
		case opNegative:
			c.negative = false
		case opUnsigned:
			c.kind = signed
		case opWidened:
			c.narrow(signed)
		case opWidenedUnsigned:
			c.narrow(unsigned)
		case opRetyped:
			c.restoreType(b.log[i].was)
		case opGrown:
			c.cutEntries(b.log[i].n)
		}
	}
	b.bits = m.bits
	b.done()
}

// done forgets what only the message in hand needs.
func (b *Batch) done() {
	b.log = b.log[:0]
	b.extra.text, b.extra.open = b.extra.text[:0], b.extra.open[:0]
}
