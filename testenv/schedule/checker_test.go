package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// row is what the table says of one row.
type row struct {
	seq    uint64
	row    int64
	column string // the one that has a value, "" for none
	value  string
}

// rows reads a version, by message.
func (w *world) rows(d *lance.Dataset) map[int64][]row {
	found := map[int64][]row{}
	for rec, err := range d.Scan(context.Background(), lance.ScanOptions{}) {
		if err != nil {
			w.fail("version %d cannot be read: %v", d.Version(), err)
			return found
		}
		seqs, uids, rows := rec.Column(0).(*array.Uint64), rec.Column(1).(*array.Int64), rec.Column(2).(*array.Int64)
		for i := range int(rec.NumRows()) {
			r := row{seq: seqs.Value(i), row: rows.Value(i)}
			for c := 3; c < int(rec.NumCols()); c++ {
				if rec.Column(c).IsValid(i) {
					r.column += rec.ColumnName(c)
					r.value += rec.Column(c).ValueStr(i)
				}
			}
			found[uids.Value(i)] = append(found[uids.Value(i)], r)
		}
		rec.Release()
	}
	return found
}

func addresses(rec arrow.Record) []uint64 {
	return rec.Column(int(rec.NumCols()) - 1).(*array.Uint64).Uint64Values()
}

// check judges what a schedule left: the newest version against the history of the
// stream, and all versions by themselves.
func (w *world) check() {
	if w.overRestore {
		w.fail("a worker committed over a restore or overwrite that nobody had resolved")
	}
	table := lance.Open(w.mem, lance.Options{})
	found := map[int64][]row{}
	if head, err := table.Latest(context.Background()); err == nil {
		found = w.rows(head)
	} else if len(w.versions()) > 0 {
		w.fail("the table cannot be opened: %v", err)
	}
	for _, uid := range slices.Sorted(maps.Keys(w.stream.history)) {
		w.checkMessage(w.stream.history[uid], found[uid])
		delete(found, uid)
	}
	for uid := range found {
		w.fail("message %d is in the table and was never published", uid)
	}
	w.checkVersions(table)
}

func (w *world) checkMessage(m *message, rows []row) {
	buried := w.stream.dead[m.seq] == m.uid
	what := fmt.Sprintf("message %d (sequence %d)", m.uid, m.seq)
	if buried && w.theme.fits {
		w.fail("%s is a dead letter, and all messages fit", what)
	}
	times := map[int64]int{}
	for _, r := range rows {
		times[r.row]++
		if r.seq != m.seq {
			w.fail("%s has a row of sequence %d", what, r.seq)
		}
		if !(r.column == m.kind.column && (r.column == "" || r.value == fmt.Sprint(m.number()))) && !(w.dropped && r.column == "") {
			w.fail("%s has value %q in column %q, and was sent with column %q", what, r.value, r.column, m.kind.column)
		}
	}
	for i, n := range times {
		if n > 1 {
			w.fail("%s has its row %d %d times", what, i, n)
		}
	}
	if w.taken[m.uid] {
		return
	}
	if _, other := w.stream.dead[m.seq]; other && !buried && w.restored && w.stream.rewound {
		// The restore took the number's first dead letter from the ledger. It is there
		// still, and the second was taken for it: docs/guarantees.md says so.
		return
	}
	switch {
	case len(rows) > 0 && len(rows) != m.kind.rows:
		w.fail("%s has %d of its %d rows", what, len(rows), m.kind.rows)
	case len(rows) > 0 && buried && !w.restored:
		w.fail("%s is a row and a dead letter", what)
	case m.acked && len(rows) == 0 && !buried:
		w.fail("%s was acknowledged and is lost", what)
	}
}

// keysOf are the objects that a version refers to.
func (w *world) keysOf(e manifest.Entry) []string {
	m, err := manifest.Read(context.Background(), w.mem, e)
	if err != nil {
		w.fail("version %d cannot be opened: %v", e.Version, err)
		return nil
	}
	var keys []string
	if m.TransactionFile() != "" {
		keys = append(keys, "_transactions/"+m.TransactionFile())
	}
	for i := range m.Fragments() {
		f, err := m.Fragment(i)
		if err != nil {
			w.fail("version %d, fragment %d: %v", e.Version, i, err)
			continue
		}
		for _, file := range f.Files {
			keys = append(keys, "data/"+file.Path)
		}
	}
	return keys
}

// checkVersions holds that every version opens with all its files, and that floors
// never fall but by a restore.
func (w *world) checkVersions(table *lance.Table) {
	floor := uint64(0)
	for _, e := range w.versions() {
		w.count("versions verified")
		for _, key := range w.keysOf(e) {
			if o, err := w.mem.Open(context.Background(), key); err != nil {
				w.fail("version %d: %v", e.Version, err)
			} else {
				_ = o.Close()
			}
		}
		d, err := table.Version(context.Background(), e.Version)
		if err != nil {
			continue // said already
		}
		var entry struct {
			Floor uint64 `json:"floor"`
		}
		if text, ok := d.Config()["pst.ledger.S"]; ok {
			if err := json.Unmarshal([]byte(text), &entry); err != nil {
				w.fail("ledger of version %d: %v", e.Version, err)
			}
			if entry.Floor < floor && !w.restored && !w.holes {
				w.fail("the floor fell from %d to %d in version %d", floor, entry.Floor, e.Version)
			}
			floor = entry.Floor
		}
	}
}
