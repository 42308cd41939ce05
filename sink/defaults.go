package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// errDefaults says that columns are missing which the rows that are there get a value
// for: they are added with it as a version of their own.
var errDefaults = errors.New("columns have to be added with their defaults first")

// defaultsFor makes a record of one row of the columns at the top level that were
// added and have a default, nil for none.
func defaultsFor(added []fields.Path, rec *arrow.Schema) (arrow.Record, error) {
	var list []arrow.Field
	var columns []arrow.Array
	for _, f := range rec.Fields() {
		if _, ok := f.Metadata.GetValue(schema.KeyDefault); !ok || !slices.Contains(added, fields.MakePath(f.Name)) {
			continue
		}
		value, err := decode.Default(f)
		if err != nil {
			return nil, err
		}
		if value.IsValid(0) {
			f.Nullable = true
			list, columns = append(list, f), append(columns, value)
		}
	}
	if list == nil {
		return nil, nil //nolint:nilnil // no default is an ordinary state
	}
	return array.NewRecord(arrow.NewSchema(list, nil), columns, 1), nil
}

// lacksDefault reports whether base has a column with a default, at any depth, that a
// record lacks beside others: its rows were made by who did not know of it.
func lacksDefault(base *lance.Dataset, rec *arrow.Schema) bool {
	return base != nil && fieldsLackDefault(base.Schema().Fields(), rec.Fields())
}

func fieldsLackDefault(table, rec []arrow.Field) bool {
	return slices.ContainsFunc(table, func(t arrow.Field) bool {
		at := slices.IndexFunc(rec, func(r arrow.Field) bool { return r.Name == t.Name })
		if at < 0 {
			text, ok := t.Metadata.GetValue(schema.KeyDefault)
			return ok && text != "null"
		}
		has, hasInside := t.Type.(arrow.NestedType)
		got, gotInside := rec[at].Type.(arrow.NestedType)
		return hasInside && gotInside && fieldsLackDefault(has.Fields(), got.Fields())
	})
}

// addDefaults adds the columns that the rows have, the table lacks, and there is a
// default for, with that in every row that is there. Data files of other columns stay.
// Where another worker was faster its column stands.
func (s *Sink) addDefaults(ctx context.Context, table *lance.Table, rows *rowsPlanner) error {
	head, err := s.latest(ctx)
	if err != nil || head == nil {
		return err
	}
	_, added, err := s.merge(head, rows.st.plan.Record.Schema())
	if err != nil {
		return nil //nolint:nilerr // types that clash are planned again with the rows
	}
	rec := rows.st.plan.Record.Schema()
	row, err := defaultsFor(added, rec)
	if err != nil {
		return err
	}
	if row == nil {
		return s.addMember(ctx, table, rows, added)
	}
	defer row.Release()
	wished, err := s.wished(row)
	if err != nil {
		return err
	}
	defer wished.Release()
	var missing []string
	next, err := table.AddMissing(ctx, wished, lance.Terms{
		Guard: func(base *lance.Dataset) error {
			missing = nil
			for _, f := range wished.Schema().Fields() {
				if path := fields.MakePath(f.Name); base.Fields().Lookup(path) == nil {
					missing = append(missing, path.String())
				}
			}
			_, err := s.admit(ctx, base, rows.pos)
			return err
		},
		Progress: func(context.Context) error { s.rewriting(); return nil },
	})
	if err != nil {
		return s.classify(fmt.Errorf("add columns with defaults to %s: %w", s.dir, err))
	}
	s.setHead(next)
	rows.columns = append(rows.columns, missing...)
	return nil
}

// wished is a record with the sink's compression noted in its fields, as new columns
// have it.
func (s *Sink) wished(row arrow.Record) (arrow.Record, error) {
	f, err := fields.FromArrow(row.Schema())
	if err != nil {
		return nil, err
	}
	s.wishCompression(f, 0)
	noted, err := f.Arrow()
	if err != nil {
		return nil, err
	}
	list := row.Schema().Fields()
	for i := range list {
		list[i].Metadata = noted.Field(i).Metadata
	}
	return array.NewRecord(arrow.NewSchema(list, nil), row.Columns(), 1), nil
}

func (s *Sink) rewriting() {
	if s.cfg.Rewriting != nil {
		s.cfg.Rewriting()
	}
}
