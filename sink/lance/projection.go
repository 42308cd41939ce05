package lance

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// The columns that Scan makes of where rows lie.
const (
	RowAddressColumn = "_rowaddr"
	RowIDColumn      = "_rowid"
)

// projection picks columns: top-level ones by their name, others by their path.
func (d *Dataset) projection(columns []string) (*fields.Schema, *arrow.Schema, error) {
	if len(columns) == 0 {
		return d.Fields(), d.schema, nil
	}
	wanted := make(map[int32]bool)
	var tops []*fields.Field
	for _, name := range columns {
		top, f := d.lookup(name)
		if f == nil {
			return nil, nil, fmt.Errorf("there is no column %q", name)
		}
		wanted[f.ID] = true
		if !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	s := &fields.Schema{Metadata: d.Fields().Metadata}
	for _, top := range tops {
		s.Fields = append(s.Fields, prune(top, func(f *fields.Field) bool { return wanted[f.ID] }))
	}
	schema, err := s.Arrow()
	return s, schema, err
}

// lookup finds a field and the column that it is part of.
func (d *Dataset) lookup(name string) (top, f *fields.Field) {
	if f := d.Fields().Lookup(fields.MakePath(name)); f != nil {
		return f, f
	}
	path := fields.Path(name)
	return d.Fields().Lookup(fields.MakePath(path.Parts()[0])), d.Fields().Lookup(path)
}

// prune is a field with nothing below it but the fields that keep chooses, whole,
// and what leads to them; nil if there are none.
func prune(f *fields.Field, keep func(*fields.Field) bool) *fields.Field {
	if keep(f) {
		return f
	}
	var children []*fields.Field
	for _, c := range f.Children {
		if c = prune(c, keep); c != nil {
			children = append(children, c)
		}
	}
	if len(children) == 0 {
		return nil
	}
	part := *f
	part.Children = children
	return &part
}
