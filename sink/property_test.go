package sink_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// object is a row of the model: by name nil, bool, string, int64, float64, time.Time,
// object or []any. What a row lacks, or has as null, the table has as null.
type object = map[string]any

// shapes is a set of producers whose messages change while they send. Each field keeps
// its kind, and its values grow: whatever the order in which the messages come, the
// table can hold all of them. Those that it cannot hold are told by the model.
type shapes struct {
	r     *rand.Rand
	ahead int // how far the fields have grown, from 0
}

// base is the table that others made: as narrow as can be.
func base(t *testing.T, store *memstore.Store) {
	t.Helper()
	p := arrow.PrimitiveTypes
	null := func(name string, typ arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: typ, Nullable: true}
	}
	s := arrow.NewSchema([]arrow.Field{
		null("id", p.Int64), null("i", p.Int8), null("u", p.Uint8), null("f", p.Float32), null("half", p.Int64), null("day", p.Date32), null("s", arrow.BinaryTypes.String),
		null("exact", p.Int64), withDefault("d", p.Int16, "7"),
		null("o", arrow.StructOf(null("x", p.Int8), withDefault("d", arrow.BinaryTypes.String, `"none"`))),
		null("l", arrow.ListOf(arrow.StructOf(null("y", p.Uint8)))), null("n", arrow.ListOf(p.Int8)),
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(`[{"id":-1,"exact":"-9007199254740993","i":1,"o":{"x":1},"l":[{"y":1},null]},{"id":-2,"half":3}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	if _, err := lance.Create(t.Context(), store, s, func(yield func(arrow.Record, error) bool) { yield(rec, nil) }, lance.Options{}); err != nil {
		t.Fatal(err)
	}
}

func (p *shapes) whole() int64 {
	limits := []int64{100, 30_000, 2_000_000_000, 1 << 52}
	v := p.r.Int64N(limits[min(p.ahead/4, 3)])
	if p.r.IntN(2) == 0 {
		v = -v
	}
	return v
}

func (p *shapes) float() float64 {
	if p.ahead > 5 && p.r.IntN(4) == 0 {
		return []float64{16777217, 1e39, -1e300}[p.r.IntN(3)]
	}
	return float64(p.r.IntN(1000)) / 4
}

func (p *shapes) abs() int64 { return max(p.whole(), 0) }

// value makes a value of the kind that a field has for good.
func (p *shapes) value(kind int) any {
	switch kind % 6 {
	case 0:
		return p.whole()
	case 1:
		return p.float()
	case 2:
		return fmt.Sprintf("word %d", p.r.IntN(100))
	case 3:
		return p.r.IntN(2) == 0
	case 4:
		return []any{object{"a": p.whole()}, nil, object{}, object{"b": "x"}}[:p.r.IntN(5)]
	default:
		return object{"p": p.whole(), "q": object{"r": p.float()}}
	}
}

// put sets a field, leaves it away, or sets it to null.
func (p *shapes) put(o object, name string, v any) {
	switch p.r.IntN(4) {
	case 0:
	case 1:
		if p.r.IntN(3) == 0 {
			o[name] = nil
		}
	default:
		o[name] = v
	}
}

// row makes one, and says whether the table can hold it.
func (p *shapes) row(id int64) (o object, fits bool) {
	o, fits = object{"id": id}, true
	p.put(o, "i", p.whole())
	p.put(o, "u", p.abs())
	p.put(o, "f", p.float())
	if p.ahead < 3 || p.r.IntN(2) == 0 {
		p.put(o, "half", p.whole())
	} else {
		p.put(o, "half", p.float())
	}
	day := time.Unix(0, 0).UTC().AddDate(0, 0, p.r.IntN(20_000))
	if p.ahead > 7 && p.r.IntN(3) == 0 {
		day = day.Add(time.Duration(p.r.IntN(86_400_000_000)) * time.Microsecond)
	}
	p.put(o, "day", day)
	p.put(o, "s", p.value(2))
	p.put(o, "exact", int64(9007199254740993))
	p.put(o, "d", int64(p.r.IntN(100)))
	inner := object{}
	p.put(inner, "x", p.whole())
	p.put(inner, "d", "some")
	items := make([]any, 0, 3)
	for range p.r.IntN(4) {
		item := object{}
		p.put(item, "y", p.abs())
		if p.ahead > 4 {
			k := p.r.IntN(p.ahead)
			p.put(item, fmt.Sprintf("new%d", k), p.value(k))
		}
		items = append(items, item)
	}
	p.put(o, "n", []any{p.whole(), nil, p.whole()}[:p.r.IntN(4)])
	for range p.r.IntN(3) {
		if p.ahead > 0 {
			k := p.r.IntN(p.ahead)
			p.put(o, fmt.Sprintf("new%d", k), p.value(k))
			k = p.r.IntN(p.ahead)
			p.put(inner, fmt.Sprintf("new%d", k), p.value(k))
		}
	}
	p.put(o, "o", inner)
	p.put(o, "l", items)
	if p.r.IntN(12) == 0 {
		fits = false
		bad := []object{{"i": "text"}, {"s": int64(1)}, {"u": int64(-1)}, {"exact": 0.5}, {"o": int64(1)}, {"l": []any{int64(1)}}, {"day": "never"}, {"half": []any{}}}
		for name, v := range bad[p.r.IntN(len(bad))] {
			o[name] = v
		}
	}
	return o, fits
}

// text writes a row as JSON.
func text(v any) string {
	switch v := v.(type) {
	case time.Time:
		if v.Truncate(24 * time.Hour).Equal(v) {
			return v.Format(`"2006-01-02"`)
		}
		return v.Format(`"2006-01-02T15:04:05.999999Z"`)
	case object:
		var parts []string
		for name, v := range v {
			parts = append(parts, fmt.Sprintf("%q:%s", name, text(v)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = text(v[i])
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		data, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return string(data)
	}
}

// expected is what the table must show of a row: its fields, with defaults.
func expected(o object) object {
	out := object{}
	for name, v := range o {
		out[name] = v
	}
	if _, ok := out["d"]; !ok {
		out["d"] = int64(7)
	}
	if inner, ok := out["o"].(object); ok {
		both := object{"d": "none"}
		for name, v := range inner {
			both[name] = v
		}
		out["o"] = both
	}
	return out
}

// differs says how an entry of an array is not the value of the model, "" if it is.
func differs(want any, a arrow.Array, i int) string {
	if want == nil || a.IsNull(i) {
		if empty, ok := want.(object); ok && len(empty) == 0 && a.IsNull(i) {
			return fmt.Sprintf("%s is null, want an empty object", a.DataType())
		}
		if (want == nil) == a.IsNull(i) {
			return ""
		}
		return fmt.Sprintf("%s, want %s", a.ValueStr(i), text(want))
	}
	ok := false
	switch a := a.(type) {
	case *array.Struct:
		members, is := want.(object)
		if !is {
			break
		}
		return differsInside(members, a, i)
	case *array.List:
		items, is := want.([]any)
		from, to := a.ValueOffsets(i)
		if !is || int(to-from) != len(items) {
			break
		}
		for k, item := range items {
			if d := differs(item, a.ListValues(), int(from)+k); d != "" {
				return fmt.Sprintf("[%d]: %s", k, d)
			}
		}
		return ""
	case *array.Boolean:
		ok = want == a.Value(i)
	case *array.String:
		ok = want == a.Value(i)
	case *array.Date32:
		day, is := want.(time.Time)
		ok = is && day.Equal(a.Value(i).ToTime())
	case *array.Timestamp:
		day, is := want.(time.Time)
		ok = is && day.Equal(a.Value(i).ToTime(arrow.Microsecond))
	case *array.Float32:
		ok = want == float64(a.Value(i)) || isWhole(want, float64(a.Value(i)))
	case *array.Float64:
		ok = want == a.Value(i) || isWhole(want, a.Value(i))
	case *array.Int64:
		ok = want == a.Value(i) || want == float64(a.Value(i)) // it may have been the first, and whole
	default:
		ok = fmt.Sprint(want) == a.ValueStr(i)
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%s %s, want %s", a.DataType(), a.ValueStr(i), text(want))
}

func isWhole(want any, got float64) bool {
	v, ok := want.(int64)
	return ok && float64(v) == got
}

func differsInside(want object, a *array.Struct, i int) string {
	list := a.DataType().(*arrow.StructType).Fields()
	for name, v := range want {
		if v != nil && !slices.ContainsFunc(list, func(f arrow.Field) bool { return f.Name == name }) && !untyped(v) {
			return fmt.Sprintf("%s is missing, want %s", name, text(v))
		}
	}
	for k, f := range list {
		if d := differs(want[f.Name], a.Field(k), i); d != "" && !untyped(want[f.Name]) {
			return f.Name + ": " + d
		}
	}
	return ""
}

// untyped reports whether a value tells no type, so that it may not be there: nothing
// but empty lists and objects.
func untyped(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case object:
		for _, m := range v {
			if !untyped(m) {
				return false
			}
		}
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !untyped(item) })
	default:
		return false
	}
}

// Producers change the shapes of their messages at random, workers race for them, some
// twice, and forget some that they staged: the table holds what the model says, each
// message once, and those that no table can hold are dead letters.
func TestRandomEvolution(t *testing.T) {
	seed := rand.Uint64()
	figures := map[string]int{}
	for run := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, run))
		if d := evolve(t, r, figures); d != "" {
			t.Fatalf("seed %d run %d: %s", seed, run, d)
		}
	}
	t.Logf("%v", figures)
	for _, what := range []string{"widened", "new columns", "duplicates", "dead", "conflicts"} {
		if figures[what] == 0 {
			t.Errorf("no %s: the test shows nothing", what)
		}
	}
}

const workersRacing = 3

func evolve(t *testing.T, r *rand.Rand, figures map[string]int) string {
	store := memstore.New()
	base(t, store)
	model, deadly := map[uint64]object{}, map[uint64]bool{}
	var mu sync.Mutex
	dead := map[uint64]string{}
	p := &shapes{r: r}
	for seq := uint64(1); p.ahead < 14; p.ahead++ {
		var batches [workersRacing][][]message
		for range 24 {
			o, fits := p.row(int64(seq))
			model[seq], deadly[seq] = o, !fits
			m := message{seq, text(o)}
			seq++
			for range 1 + r.IntN(6)/5 { // some come twice
				w := r.IntN(workersRacing)
				if len(batches[w]) == 0 || r.IntN(6) == 0 {
					batches[w] = append(batches[w], nil)
				}
				last := &batches[w][len(batches[w])-1]
				if len(*last) == 0 || (*last)[len(*last)-1].seq != m.seq {
					*last = append(*last, m)
				}
			}
		}
		var group sync.WaitGroup
		for _, mine := range batches {
			forgets := r.IntN(4) == 0
			group.Go(func() {
				w := newWorker(t, store, func(c *sink.Config) {
					c.Lease = time.Second
					c.Events.Conflict = func(uint64) {
						mu.Lock()
						figures["conflicts"]++
						mu.Unlock()
					}
				})
				if forgets && len(mine) > 0 { // as a process that is killed
					if st, err := w.stage(mine[0]); err == nil {
						st.Discard()
					}
				}
				for _, b := range mine {
					res, err := w.try(b)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					figures["widened"] += len(res.Widened)
					figures["new columns"] += len(res.NewColumns)
					figures["duplicates"] += res.Duplicates
					for _, rej := range res.Pending {
						dead[rej.Seq] = rej.Reason
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if t.Failed() {
			return "a worker failed"
		}
	}
	figures["dead"] += len(dead)
	for seq := range model {
		if reason, is := dead[seq]; is != deadly[seq] {
			return fmt.Sprintf("message %d, %s: dead letter %t (%s)", seq, text(model[seq]), is, reason)
		}
	}
	return compare(t, latest(t, store), model, deadly)
}

// compare holds a table against the model.
func compare(t *testing.T, d *lance.Dataset, model map[uint64]object, deadly map[uint64]bool) string {
	t.Helper()
	seen := map[uint64]bool{}
	for rec, err := range d.Scan(t.Context(), lance.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows := array.RecordToStructArray(rec)
		seqs := rec.Column(rec.Schema().FieldIndices("_nats_seq")[0]).(*array.Uint64)
		for i := range int(rec.NumRows()) {
			if seqs.IsNull(i) {
				continue // they were there before
			}
			seq := seqs.Value(i)
			if seen[seq] || deadly[seq] || model[seq] == nil {
				return fmt.Sprintf("message %d is there twice, or should not be", seq)
			}
			seen[seq] = true
			want := expected(model[seq])
			want["_nats_seq"] = seq
			if d := differsInside(want, rows, i); d != "" {
				return fmt.Sprintf("message %d, %s: %s", seq, text(model[seq]), d)
			}
		}
		rows.Release()
		rec.Release()
	}
	for seq := range model {
		if !seen[seq] && !deadly[seq] {
			return fmt.Sprintf("message %d is missing", seq)
		}
	}
	return ""
}
