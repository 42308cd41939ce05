package lance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Manifest returns the stored version: fragments with their files, feature flags,
// config. It never changes and may be used concurrently.
func (d *Dataset) Manifest() *manifest.Manifest { return d.manifest }

// RangeOptions say which rows of which columns are wanted; the zero value is all.
type RangeOptions struct {
	// Columns are names of top-level columns; none: all.
	Columns []string
	// From and To are the rows, counted as stored: deleted ones included. To 0: all
	// that follow From.
	From, To uint64
	// Gap is the most bytes between two ranges that are fetched along, to make one
	// request of two.
	Gap uint64
}

// FileRanges are the bytes of one object that hold the wanted rows.
type FileRanges struct {
	Key      string     // of the data file, in the table's store
	Fragment uint64     // id of its fragment
	FirstRow uint64     // of the table, counted as stored, where the fragment begins
	Metadata file.Range // the end of the file, which a reader reads first
	Pages    []file.Range
}

// Ranges yields for every data file that holds some of the wanted rows where they
// lie: what a cache or a planner of reads needs to know. It reads the metadata of
// those files, and no page. An error ends the sequence.
func (d *Dataset) Ranges(ctx context.Context, o RangeOptions) iter.Seq2[FileRanges, error] {
	return func(yield func(FileRanges, error) bool) {
		if err := d.ranges(ctx, o, func(r FileRanges) bool { return yield(r, nil) }); err != nil {
			yield(FileRanges{}, fmt.Errorf("ranges of version %d: %w", d.Version(), err))
		}
	}
}

func (d *Dataset) ranges(ctx context.Context, o RangeOptions, yield func(FileRanges) bool) error {
	wanted, err := d.fieldIDs(o.Columns)
	if err != nil {
		return err
	}
	if o.To == 0 {
		o.To = math.MaxUint64
	}
	first := uint64(0)
	for i := range d.manifest.Fragments() {
		f, err := d.manifest.Fragment(i)
		if err != nil {
			return err
		}
		end := first + f.PhysicalRows
		if first < o.To && end > o.From {
			from, to := max(o.From, first)-first, min(o.To, end)-first
			for k := range f.Files {
				r := FileRanges{Fragment: f.ID, FirstRow: first}
				found, err := d.fileRanges(ctx, &r, &f.Files[k], wanted, span{from, to, o.Gap})
				if err != nil {
					return err
				}
				if found && !yield(r) {
					return nil
				}
			}
		}
		first = end
	}
	return nil
}

// span is a run of rows of a fragment, and the gap that ranges may have.
type span struct{ from, to, gap uint64 }

// fieldIDs are the ids of columns and of all that lies below them.
func (d *Dataset) fieldIDs(columns []string) (map[int32]bool, error) {
	s := d.Fields()
	if len(columns) > 0 {
		s = &fields.Schema{}
		for _, name := range columns {
			f := d.Fields().Lookup(fields.MakePath(name))
			if f == nil {
				return nil, fmt.Errorf("there is no column %q", name)
			}
			s.Fields = append(s.Fields, f)
		}
	}
	ids := make(map[int32]bool)
	s.Walk(func(_ fields.Path, f *fields.Field) bool {
		ids[f.ID] = true
		return true
	})
	return ids, nil
}

// fileRanges fills in what one file holds; found is false if it has none of the fields.
func (d *Dataset) fileRanges(ctx context.Context, r *FileRanges, f *manifest.DataFile, wanted map[int32]bool, s span) (found bool, err error) {
	columns := []int{}
	for i, id := range f.Fields {
		if i < len(f.Columns) && f.Columns[i] >= 0 && wanted[id] {
			columns = append(columns, int(f.Columns[i]))
		}
	}
	if len(columns) == 0 {
		return false, nil
	}
	if f.External {
		return false, fmt.Errorf("data file %s below another base directory: %w", f.Path, ErrUnsupported)
	}
	r.Key = "data/" + f.Path
	o, err := d.table.store.Open(ctx, r.Key)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	l, err := file.ReadLayout(o, r.Key)
	if err != nil {
		return false, err
	}
	r.Metadata, r.Pages = l.Metadata(), l.Ranges(columns, s.from, s.to, s.gap)
	return true, nil
}
