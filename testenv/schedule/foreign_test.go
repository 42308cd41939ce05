package schedule

import (
	"context"
	"errors"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// What other programs do.
const (
	restore   = "restore"
	overwrite = "overwrite"
	remove    = "delete"
	config    = "config"
	drop      = "drop a column"
	cleanUp   = "clean up"
)

// foreign is another program that does something to the table.
func (w *world) foreign() {
	ctx := context.Background()
	table := lance.Open(w.mem, lance.Options{})
	head, err := table.Latest(ctx)
	if errors.Is(err, lance.ErrNoTable) {
		return
	}
	if err != nil {
		w.fail("read for a foreign operation: %v", err)
		return
	}
	before := w.rows(head)
	name := w.theme.foreigns[w.rng.IntN(len(w.theme.foreigns))]
	switch name {
	case restore:
		versions := w.versions()
		if to := versions[w.rng.IntN(len(versions))]; to.Version < head.Version() {
			head, err = table.Restore(ctx, to.Version)
			w.rolledAt, w.restored = head.Version(), true
		}
	case overwrite:
		head, err = table.Overwrite(ctx, arrow.NewSchema(baseFields(), nil), nil)
		w.rolledAt, w.restored = head.Version(), true
	case remove:
		head, err = w.deleteSome(ctx, head)
	case config:
		head, err = table.UpdateConfig(ctx, map[string]string{"theirs": string(rune('a' + w.rng.IntN(26)))})
	case drop:
		if n := len(head.Schema().Fields()); n > len(baseFields()) {
			w.dropped = true
			head, err = table.DropColumns(ctx, head.Schema().Field(n-1).Name)
		}
	case cleanUp:
		w.cleanUp(ctx)
	}
	if err != nil {
		w.fail("%s: %v", name, err)
		return
	}
	w.tell("another program: %s; version %d", name, head.Version())
	w.count("foreign operations")
	after := w.rows(head)
	for uid := range before {
		if len(after[uid]) < len(before[uid]) {
			w.taken[uid] = true
		}
	}
}

// deleteSome deletes a third of the rows.
func (w *world) deleteSome(ctx context.Context, head *lance.Dataset) (*lance.Dataset, error) {
	var gone []lance.RowAddress
	for rec, err := range head.Scan(ctx, lance.ScanOptions{Columns: []string{"uid"}, RowAddresses: true}) {
		if err != nil {
			return nil, err
		}
		for _, at := range addresses(rec) {
			if w.rng.IntN(3) == 0 {
				gone = append(gone, lance.RowAddress(at))
			}
		}
		rec.Release()
	}
	if len(gone) == 0 {
		return head, nil
	}
	return head.Delete(ctx, gone)
}

// versions are those of the table, oldest first.
func (w *world) versions() []manifest.Entry {
	var list []manifest.Entry
	for e, err := range manifest.Versions(context.Background(), w.mem) {
		if err != nil {
			w.fail("list versions: %v", err)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b manifest.Entry) int { return int(a.Version) - int(b.Version) }) //nolint:gosec // small
	return list
}

// cleanUp removes all versions but the newest two, and those since a restore that
// nobody has resolved; then, if no worker is at work, the data files of none.
func (w *world) cleanUp(ctx context.Context) {
	versions := w.versions()
	for _, e := range versions[:max(0, len(versions)-2)] {
		if w.rolledAt > 0 && e.Version >= w.rolledAt-1 {
			break
		}
		w.cleaned, w.removed[e.Key] = true, true
		if err := w.mem.Remove(ctx, e.Key); err != nil {
			w.fail("clean up: %v", err)
		}
	}
	for _, k := range w.workers {
		if k.busy.Load() {
			return
		}
	}
	// Clean-ups keep files for longer than puts are under way.
	if err := w.store.Settle(ctx); err != nil {
		w.fail("settle: %v", err)
	}
	listed := map[string]bool{}
	for _, e := range w.versions() {
		for _, key := range w.keysOf(e) {
			listed[key] = true
		}
	}
	for info, err := range w.mem.List(ctx, "data/") {
		if err == nil && !listed[info.Key] {
			err = w.mem.Remove(ctx, info.Key)
		}
		if err != nil {
			w.fail("clean up: %v", err)
		}
	}
}
