package lance

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// ErrConflict is returned where another writer's commit leaves no way to do what was
// asked; the error names it by version and operation. Nothing was published. What
// was asked can be asked again of the newest version.
var ErrConflict = commit.ErrConflict

// keyMaxFieldID is the config key under which a writer may note the largest field id
// that was ever in use, so that a dropped column's id is not given out again.
const keyMaxFieldID = "pst.max_field_id"

// operate commits what plan makes of the newest version. plan is asked anew for
// every version that others commit meanwhile, so that the outcome is as if they had
// come first. If it fails over one of those, though it went well over an earlier
// one, the error is a conflict.
func (t *Table) operate(ctx context.Context, name string, plan func(base *manifest.Manifest) (*Proposal, error)) (*Dataset, error) {
	first := uint64(0)
	d, err := t.once(ctx, func(base *manifest.Manifest) (*Proposal, error) {
		if base == nil {
			return nil, ErrNoTable
		}
		p, err := plan(base)
		if first == 0 {
			first = base.Version()
		}
		if err != nil && first != base.Version() && ctx.Err() == nil && !errors.Is(err, ErrConflict) {
			return nil, t.conflict(ctx, first, base.Version(), err)
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// conflict explains a failure by the versions after one and up to another.
func (t *Table) conflict(ctx context.Context, after, to uint64, cause error) error {
	var names []string
	for v := after + 1; v <= to; v++ {
		operation := commit.OpUnknown
		if tx, err := t.log.Transaction(ctx, v); err == nil {
			operation = tx.Operation
		}
		names = append(names, fmt.Sprintf("version %d (%s)", v, operation))
	}
	return fmt.Errorf("%w: %s: %w", ErrConflict, strings.Join(names, ", "), cause)
}

// maxFieldID is the largest field id that was ever given out, as far as is known.
func maxFieldID(base *manifest.Manifest) (int32, error) {
	text, ok := base.Config()[keyMaxFieldID]
	if !ok {
		return base.MaxFieldID(), nil
	}
	mark, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("config key %s of version %d: %w", keyMaxFieldID, base.Version(), err)
	}
	return max(base.MaxFieldID(), int32(mark)), nil
}

// keepMark returns the config to set so that a table that notes its largest field
// id goes on to do so: at least top. A table without the note gets none.
func keepMark(base *manifest.Manifest, top int32) map[string]string {
	if _, ok := base.Config()[keyMaxFieldID]; !ok {
		return nil
	}
	return map[string]string{keyMaxFieldID: strconv.Itoa(int(top))}
}

// renumber gives a tree of fields new ids from next upward, in pre-order.
func renumber(list []*fields.Field, parent int32, next *int32) {
	for _, f := range list {
		f.ID, f.ParentID = *next, parent
		*next++
		renumber(f.Children, f.ID, next)
	}
}

// siblings returns the list that holds the field at a path, and where in it.
func siblings(s *fields.Schema, path string) (list *[]*fields.Field, at int, err error) {
	f := s.Lookup(fields.Path(path))
	list = &s.Fields
	if f != nil && f.ParentID != fields.NoParent {
		s.Walk(func(_ fields.Path, parent *fields.Field) bool {
			if parent.ID == f.ParentID {
				list = &parent.Children
			}
			return true
		})
	}
	for i, sibling := range *list {
		if f == sibling {
			return list, i, nil
		}
	}
	return nil, 0, fmt.Errorf("there is no column %s", fields.Path(path))
}
