package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// Declare writes what is declared of columns into their metadata, in a version of its
// own, so that workers without the declaration and other writers go by it. Where another
// worker changes the same at once, its word counts. It belongs to who commits.
func (s *Sink) Declare(ctx context.Context, d *schema.Declaration) error {
	list, err := d.Settings(s.Schema())
	if err != nil || len(list) == 0 {
		return err
	}
	table, err := s.table(ctx, false)
	if err != nil || table == nil {
		return err
	}
	update := lance.MetadataUpdate{Fields: make(map[string]lance.MapEdit, len(list))}
	for _, c := range list {
		update.Fields[string(fields.MakePath(c.Path...))] = lance.MapEdit{Set: c.Set, Delete: c.Delete}
	}
	head, err := table.UpdateMetadata(ctx, update)
	switch {
	case errors.Is(err, lance.ErrConflict):
		_, err = s.latest(ctx)
		return err
	case err != nil:
		return s.classify(fmt.Errorf("note what is declared in %s: %w", s.dir, err))
	}
	s.setHead(head)
	return nil
}
