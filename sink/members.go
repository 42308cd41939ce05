package sink

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// memberDefault finds a member that was added to structs which were there, and that has
// a default: a record of one row of it, and the path of the structs. nil if there is none.
func memberDefault(added []fields.Path, rec *arrow.Schema) (row arrow.Record, parent fields.Path, err error) {
	for _, path := range added {
		parts := path.Parts()
		if len(parts) < 2 {
			continue
		}
		f, ok := fieldAt(rec.Fields(), parts)
		if _, has := f.Metadata.GetValue(schema.KeyDefault); !ok || !has {
			continue
		}
		value, err := decode.Default(f)
		if err != nil {
			return nil, "", err
		}
		if value.IsNull(0) {
			continue
		}
		f.Nullable = true
		row := array.NewRecord(arrow.NewSchema([]arrow.Field{f}, nil), []arrow.Array{value}, 1)
		return row, fields.MakePath(parts[:len(parts)-1]...), nil
	}
	return nil, "", nil
}

// fieldAt finds a field by its path, in which what a list holds is called schema.Item.
func fieldAt(list []arrow.Field, path []string) (arrow.Field, bool) {
	for _, f := range list {
		if f.Name != path[0] {
			continue
		}
		rest := path[1:]
		for len(rest) > 0 {
			items, ok := f.Type.(arrow.ListLikeType)
			if !ok || rest[0] != schema.Item {
				break
			}
			f, rest = items.ElemField(), rest[1:]
		}
		if len(rest) == 0 {
			return f, true
		}
		if members, ok := f.Type.(*arrow.StructType); ok {
			return fieldAt(members.Fields(), rest)
		}
	}
	return arrow.Field{}, false
}

// addMember adds one of the members that the rows have, the table's structs lack, and
// there is a default for, with that in every struct that is there.
func (s *Sink) addMember(ctx context.Context, table *lance.Table, rows *rowsPlanner, added []fields.Path) error {
	row, parent, err := memberDefault(added, rows.st.plan.Record.Schema())
	if err != nil || row == nil {
		return err
	}
	defer row.Release()
	wished, err := s.wished(row)
	if err != nil {
		return err
	}
	defer wished.Release()
	path := parent.Child(row.ColumnName(0))
	missing := false
	next, err := table.AddMember(ctx, lance.Member{
		Parent: string(parent), Value: wished,
		Terms: lance.Terms{
			Guard: func(base *lance.Dataset) error {
				missing = base.Fields().Lookup(path) == nil
				_, err := s.admit(ctx, base, rows.pos)
				return err
			},
			Progress: func(context.Context) error { s.rewriting(); return nil },
		},
	})
	if err != nil {
		return s.classify(fmt.Errorf("add member %s with its default to %s: %w", path, s.dir, err))
	}
	s.setHead(next)
	if missing {
		rows.columns = append(rows.columns, path.String())
	}
	return nil
}
