package sink

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// Stage writes a batch's rows to a data file that no version refers to yet, for
// the table as it was last seen. It takes over the batch's plan, also when it
// fails. What turns out to have changed by the time of the commit, Commit mends, and a
// file that the storage would not take, Commit writes.
func (s *Sink) Stage(ctx context.Context, b *Batch) (*Staged, error) {
	seqs := make([]uint64, len(b.Marks))
	for i, m := range b.Marks {
		seqs[i] = m.Seq
	}
	st := &Staged{batch: b, plan: b.Plan, included: ledger.SetOf(seqs...)}
	b.Plan = nil
	want, err := s.fileSchema(s.head(), st.plan.Record.Schema())
	if err != nil || st.plan.Record.NumRows() == 0 {
		return st, nil //nolint:nilerr // a record that does not fit is planned again at the commit
	}
	if err := s.write(ctx, st, want); err != nil && (ctx.Err() != nil || !passing(err)) {
		st.release()
		return nil, err
	}
	return st, nil
}

func (s *Sink) write(ctx context.Context, st *Staged, schema *fields.Schema) error {
	table, err := s.table(ctx, true)
	if err != nil {
		return err
	}
	st.file, err = table.WriteFile(ctx, schema, st.plan.Record)
	if err != nil {
		return s.classify(fmt.Errorf("write data file of %s: %w", s.dir, err))
	}
	return nil
}

// fileSchema returns the fields of a data file with the columns of rec, with the
// ids that base gives them, or would give to those it lacks.
func (s *Sink) fileSchema(base *lance.Dataset, rec *arrow.Schema) (*fields.Schema, error) {
	merged, _, err := s.merge(base, rec)
	if err != nil {
		return nil, err
	}
	return merged.Project(rec)
}

// merge returns the schema of base (nil: no table) extended by what rec has more, and the new paths.
func (s *Sink) merge(base *lance.Dataset, rec *arrow.Schema) (*fields.Schema, []fields.Path, error) {
	if base == nil {
		created, err := fields.FromArrow(rec)
		if err != nil {
			return nil, nil, err
		}
		s.wishCompression(created, 0)
		return created, nil, nil
	}
	next, err := maxFieldID(base)
	if err != nil {
		return nil, nil, err
	}
	merged, added, err := fields.Merge(base.Fields(), rec, next+1)
	if err != nil {
		return nil, nil, err
	}
	s.wishCompression(merged, next+1)
	return merged, added, nil
}

// wishCompression notes the compression in the metadata of the leaves with ids
// from first upward: other writers that compact the table go by it, not by what
// they find in our files.
func (s *Sink) wishCompression(schema *fields.Schema, first int32) {
	const key = "lance-encoding:compression"
	if s.cfg.Compression == None {
		return
	}
	schema.Walk(func(_ fields.Path, f *fields.Field) bool {
		if f.ID >= first && f.IsLeaf() && f.Metadata[key] == "" {
			md := map[string]string{key: s.cfg.Compression.String()}
			for k, v := range f.Metadata {
				md[k] = v
			}
			f.Metadata = md
		}
		return true
	})
}

// maxFieldID is the highest field id ever given out in the table: what it holds,
// or our own mark where that is higher, because dropped columns leave no trace.
func maxFieldID(base *lance.Dataset) (int32, error) {
	top := base.MaxFieldID()
	if text, ok := base.Config()[keyMaxFieldID]; ok {
		mark, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return 0, stop(LedgerUnreadable, "%s in version %d: %w", keyMaxFieldID, base.Version(), err)
		}
		top = max(top, int32(mark))
	}
	return top, nil
}

// lacksRequired reports whether base has a column at the top level that rows must
// have and rec does not. Members below the top are verified by the commit.
func lacksRequired(base *lance.Dataset, rec *arrow.Schema) bool {
	if base == nil {
		return false
	}
	for _, f := range base.Fields().Fields {
		if !f.Nullable && !rec.HasField(f.Name) {
			return true
		}
	}
	return false
}

func schemaOf(base *lance.Dataset) *arrow.Schema {
	if base == nil {
		return nil
	}
	return base.Schema()
}

// sameFields compares two field trees by path, type, nullability and id.
func sameFields(a, b *fields.Schema) bool {
	type node struct {
		path     fields.Path
		id       int32
		typ      string
		nullable bool
	}
	list := func(s *fields.Schema) []node {
		var out []node
		s.Walk(func(p fields.Path, f *fields.Field) bool {
			out = append(out, node{p, f.ID, f.LogicalType, f.Nullable})
			return true
		})
		return out
	}
	la, lb := list(a), list(b)
	if len(la) != len(lb) {
		return false
	}
	for i := range la {
		if la[i] != lb[i] {
			return false
		}
	}
	return true
}
