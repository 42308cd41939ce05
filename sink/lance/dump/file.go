package dump

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Options say what is described.
type Options struct {
	// Version is that of a table; 0: the newest.
	Version uint64
	// Measure decodes every page, to tell what values of varying size take as Arrow
	// data, and so how well they are compressed.
	Measure bool
}

// File describes a data file.
type File struct {
	*file.Layout
	Fields []Field `json:"fields"` // the top-level ones, in order
}

// Field sums up the columns of one top-level field.
type Field struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Columns int    `json:"columns"` // physical ones
	Pages   int    `json:"pages"`
	Stored  uint64 `json:"stored_bytes"`
	// Arrow is what the values take as Arrow data, validity bits left aside; 0 where
	// it is not known without Options.Measure.
	Arrow uint64  `json:"arrow_bytes,omitempty"`
	Ratio float64 `json:"ratio,omitempty"` // Arrow to Stored: 2 is half the size
}

// setRatio follows from the sizes.
func (f *Field) setRatio() {
	f.Ratio = 0
	if f.Stored > 0 {
		f.Ratio = float64(f.Arrow) / float64(f.Stored)
	}
}

// ReadFile describes the data file at a key of a store. Damage is a
// *corrupt.Error that names the key, the section and the offset.
func ReadFile(ctx context.Context, store objstore.Store, key string, o Options) (f *File, err error) {
	obj, err := store.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	defer func() { err = errors.Join(err, obj.Close()) }()
	l, err := file.ReadLayout(obj, key)
	if err != nil {
		return nil, err
	}
	f = &File{Layout: l}
	f.sum()
	if o.Measure {
		err = f.measure(ctx, obj)
	}
	return f, err
}

// sum gathers the columns of each field.
func (f *File) sum() {
	for i := range f.Layout.Columns {
		c := &f.Layout.Columns[i]
		name, typ := topLevel(c)
		if n := len(f.Fields); n == 0 || f.Fields[n-1].Name != name {
			f.Fields = append(f.Fields, Field{Name: name, Type: typ})
		}
		at := &f.Fields[len(f.Fields)-1]
		at.Columns++
		at.Pages += len(c.Pages)
		at.Stored += c.Bytes()
		if n, ok := c.ArrowBytes(); ok && c.Field == name {
			at.Arrow = n
		}
		at.setRatio()
	}
}

// topLevel is the field at the top that a column is part of, and its type where
// the column is all of it.
func topLevel(c *file.Column) (name, typ string) {
	if c.Field == "" {
		return fmt.Sprintf("column %d", c.Index), ""
	}
	name = fields.MakePath(fields.Path(c.Field).Parts()[0]).String()
	if name == c.Field {
		return name, c.Type
	}
	return name, "nested"
}

// measure decodes the fields one after the other.
func (f *File) measure(ctx context.Context, obj objstore.Object) error {
	r, err := file.Open(obj, f.Key)
	if err != nil {
		return err
	}
	s, err := r.Schema()
	if err != nil {
		return err
	}
	if len(s.Fields) != len(f.Fields) {
		return fmt.Errorf("%s: measure columns that the schema does not name: %w", f.Key, fields.ErrUnsupported)
	}
	columns := r.ColumnsOf(s)
	for i, field := range s.Fields {
		one := &fields.Schema{Fields: []*fields.Field{field}}
		var sum uint64
		for rec, err := range r.Batches(ctx, one, columns, 0) {
			if err != nil {
				return err
			}
			sum += file.ArrowBytes(rec.Column(0))
			rec.Release()
		}
		f.Fields[i].Arrow = sum
		f.Fields[i].setRatio()
	}
	return nil
}
