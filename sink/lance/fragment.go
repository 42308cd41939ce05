package lance

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// part is what one file contributes to the rows of a fragment.
type part struct {
	object  objstore.Object
	reader  *file.Reader
	columns map[int32]int  // physical column by field id
	fields  *fields.Schema // top-level fields read from this file
	at      []int          // where each of them stands among the wanted ones
}

func (p *part) column(id int32) (int, bool) {
	c, ok := p.columns[id]
	return c, ok
}

// parts are the files of one fragment that a scan reads, at least one. All have the
// same number of rows.
type parts []*part

func (ps parts) close() error {
	var errs []error
	for _, p := range ps {
		if p.object != nil {
			errs = append(errs, p.object.Close())
		}
	}
	return errors.Join(errs...)
}

// openFragment decides which file each wanted column comes from and opens those
// files.
func (d *Dataset) openFragment(ctx context.Context, f *manifest.Fragment, s *fields.Schema) (ps parts, err error) {
	all, holder, err := d.locate(f)
	if err != nil {
		return nil, err
	}
	for i, field := range s.Fields {
		for at, part := range split(field, holder) {
			if part == nil {
				continue
			}
			all[at].fields.Fields = append(all[at].fields.Fields, part)
			all[at].at = append(all[at].at, i)
		}
	}
	for i, p := range all {
		if len(p.at) == 0 {
			continue
		}
		if err := d.openPart(ctx, p, &f.Files[i], f.PhysicalRows); err != nil {
			return nil, errors.Join(err, ps.close())
		}
		ps = append(ps, p)
	}
	return ps, nil
}

// locate lists the files of a fragment and which of them holds a field id.
func (d *Dataset) locate(f *manifest.Fragment) (all parts, holder map[int32]int, err error) {
	if len(f.Files) == 0 {
		return nil, nil, d.damaged(f, "it has no data file")
	}
	holder = make(map[int32]int)
	for i := range f.Files {
		df := &f.Files[i]
		if len(df.Columns) != len(df.Fields) {
			return nil, nil, fmt.Errorf("data file %s of version %d.%d: %w", df.Path, df.Major, df.Minor, ErrUnsupported)
		}
		p := &part{columns: make(map[int32]int, len(df.Fields)), fields: &fields.Schema{}}
		for k, id := range df.Fields {
			if id < 0 || df.Columns[k] < 0 {
				continue // a column that is no more, or a field that has none
			}
			if _, twice := holder[id]; twice {
				return nil, nil, d.damaged(f, "field id %d is in two columns", id)
			}
			holder[id] = i
			p.columns[id] = int(df.Columns[k])
		}
		all = append(all, p)
	}
	return all, holder, nil
}

// split tells what of a field to read from each file: the leaves that the file
// holds. One that no file has goes with the first of those nearest to it that one has,
// where it reads as null: a list of it then has the lengths that it has there.
func split(f *fields.Field, holder map[int32]int) map[int]*fields.Field {
	home := make(map[int32]int)
	settle(f, holder, max(firstHolder(f, holder), 0), home)
	held := make(map[int]bool)
	for _, at := range home {
		held[at] = true
	}
	parts := make(map[int]*fields.Field, len(held))
	for at := range held {
		parts[at] = f
		if len(held) > 1 {
			parts[at] = prune(f, func(leaf *fields.Field) bool { return leaf.IsLeaf() && home[leaf.ID] == at })
		}
	}
	return parts
}

// firstHolder is the file of the first leaf below a field that a file has, -1 for none.
func firstHolder(f *fields.Field, holder map[int32]int) int {
	if f.IsLeaf() {
		if at, ok := holder[f.ID]; ok {
			return at
		}
		return -1
	}
	for _, c := range f.Children {
		if at := firstHolder(c, holder); at >= 0 {
			return at
		}
	}
	return -1
}

// settle gives each leaf below a field its file, where no nearer one is known that of
// its parent's first.
func settle(f *fields.Field, holder map[int32]int, outer int, home map[int32]int) {
	if at := firstHolder(f, holder); at >= 0 {
		outer = at
	}
	if f.IsLeaf() {
		home[f.ID] = outer
		return
	}
	for _, c := range f.Children {
		settle(c, holder, outer, home)
	}
}

func (d *Dataset) openPart(ctx context.Context, p *part, f *manifest.DataFile, rows uint64) error {
	if f.External {
		return fmt.Errorf("data file %s below another base directory: %w", f.Path, ErrUnsupported)
	}
	key := "data/" + f.Path
	o, err := d.table.store.Open(ctx, key)
	if err != nil {
		return err
	}
	p.reader, err = file.Open(o, key)
	if err == nil && f.Size != 0 && uint64(o.Size()) != f.Size {
		err = corrupt.Errorf(key, "file", -1, "it has %d bytes, the manifest says %d", o.Size(), f.Size)
	}
	if err == nil && p.reader.Rows() != rows {
		err = corrupt.Errorf(key, "footer", -1, "it has %d rows, the fragment %d", p.reader.Rows(), rows)
	}
	if err != nil {
		return errors.Join(err, o.Close())
	}
	p.object = o
	return nil
}

func (d *Dataset) damaged(f *manifest.Fragment, format string, args ...any) error {
	return corrupt.Errorf(d.manifest.Entry().Key, fmt.Sprintf("fragment %d", f.ID), -1, format, args...)
}
