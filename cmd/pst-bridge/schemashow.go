package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// schemaShowCmd is "schema show".
type schemaShowCmd struct {
	Topic string `arg:"" help:"Topic whose table to show."`
	At    uint64 `placeholder:"VERSION" help:"Version of the table; without it: the newest."`
	JSON  bool   `help:"Print as JSON."`
	tableFlags
}

// Help is the example shown by "help schema show".
func (*schemaShowCmd) Help() string {
	return example("pst-bridge schema show orders", "pst-bridge schema show orders --at 17 --json")
}

// shownSchema is a table's columns as --json prints them.
type shownSchema struct {
	Topic    string       `json:"topic"`
	Table    string       `json:"table"`
	Version  uint64       `json:"version"`
	Columns  []columnText `json:"columns"`
	Declared []columnText `json:"declared,omitempty"` // and not in the table yet
	Oldest   uint64       `json:"oldest_version"`     // that is kept
}

// Run prints the columns.
func (c *schemaShowCmd) Run(ctx context.Context, std *streams) (err error) {
	t, err := c.mustOpen(c.Topic)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	d, err := t.version(ctx, c.At)
	if err != nil {
		return err
	}
	out := shownSchema{Topic: c.Topic, Table: t.dir, Version: d.Version()}
	since, oldest, err := t.since(ctx, d)
	if err != nil {
		return err
	}
	out.Oldest = oldest
	walkColumns(d.Schema().Fields(), d.Fields().Fields, func(path string, f arrow.Field, at *fields.Field) {
		col := describeColumn(path, f)
		col.ID, col.Since = &at.ID, since[at.ID]
		out.Columns = append(out.Columns, col)
	})
	whole, err := c.declaration(c.Topic).Apply(d.Schema())
	if err != nil {
		return advise(err, "declare the type that the table has, or move the table away")
	}
	for _, change := range schema.Changes(d.Schema(), whole) {
		out.Declared = append(out.Declared, describeColumn(change.Path, *change.After))
	}
	return c.print(std, &out)
}

// version reads a version, 0 for the newest.
func (t *topicTable) version(ctx context.Context, at uint64) (*lance.Dataset, error) {
	if at != 0 {
		d, err := t.table.Version(ctx, at)
		if err != nil {
			return nil, fmt.Errorf("read version %d of %s: %w", at, t.dir, err)
		}
		return d, nil
	}
	d, err := t.latest(ctx)
	if err == nil && d == nil {
		err = fmt.Errorf("%s holds no version of a table", t.dir)
	}
	return d, err
}

// walkColumns visits every column with its field, top down. Both trees are of one schema.
func walkColumns(columns []arrow.Field, stored []*fields.Field, visit func(path string, f arrow.Field, at *fields.Field)) {
	var walk func(path string, f arrow.Field, at *fields.Field)
	walk = func(path string, f arrow.Field, at *fields.Field) {
		visit(path, f, at)
		if len(at.Children) == 0 {
			return
		}
		nested, ok := f.Type.(arrow.NestedType)
		if !ok || len(nested.Fields()) != len(at.Children) {
			return
		}
		for i, child := range nested.Fields() {
			below := path + "[]"
			if f.Type.ID() == arrow.STRUCT {
				below = path + "." + schema.Quote(child.Name)
			}
			walk(below, child, at.Children[i])
		}
	}
	for i, f := range columns {
		walk(schema.Quote(f.Name), f, stored[i])
	}
}

func (c *schemaShowCmd) print(std *streams, s *shownSchema) error {
	if c.JSON {
		return json.NewEncoder(std.out).Encode(s)
	}
	fmt.Fprintf(std.out, "%s: version %d of %s\n", s.Topic, s.Version, s.Table)
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COLUMN\tTYPE\tID\tSINCE\t")
	for i := range s.Columns {
		col := &s.Columns[i]
		since := fmt.Sprint(col.Since)
		if col.Since == s.Oldest && s.Oldest > 1 {
			since = fmt.Sprint(col.Since, " or before")
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", col.Path, col.Type, *col.ID, since, col.notes())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range s.Declared {
		col := &s.Declared[i]
		fmt.Fprintf(std.out, "declared, and not so in the table yet: %s %s %s\n", col.Path, col.Type, col.notes())
	}
	fmt.Fprintln(std.out, "Fields that were only null, [] or {} so far are no columns yet: their first value decides on the type.")
	return nil
}

// manifests yields the versions that are kept, oldest first.
func (t *topicTable) manifests(ctx context.Context) iter.Seq2[*manifest.Manifest, error] {
	return func(yield func(*manifest.Manifest, error) bool) {
		entries, err := t.entries(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, e := range entries {
			m, err := manifest.Read(ctx, t.store, e)
			if errors.Is(err, objstore.ErrNotExist) {
				continue // cleaned up meanwhile
			}
			if err != nil {
				err = fmt.Errorf("read version %d of %s: %w", e.Version, t.dir, err)
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

func (t *topicTable) entries(ctx context.Context) ([]manifest.Entry, error) {
	var list []manifest.Entry
	for e, err := range manifest.Versions(ctx, t.store) {
		if err != nil {
			return nil, fmt.Errorf("list versions of %s: %w", t.dir, err)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b manifest.Entry) int { return int(int64(a.Version) - int64(b.Version)) })
	return list, nil
}

// since finds for each field of d the first version that is kept and has it, and the
// oldest version. Fields come and stay, so that it looks at a few versions alone.
func (t *topicTable) since(ctx context.Context, d *lance.Dataset) (map[int32]uint64, uint64, error) {
	entries, err := t.entries(ctx)
	if err != nil {
		return nil, 0, err
	}
	entries = slices.DeleteFunc(entries, func(e manifest.Entry) bool { return e.Version > d.Version() })
	since := map[int32]uint64{}
	ids := idsOf(d.Fields())
	for id := range ids {
		since[id] = d.Version()
	}
	// Versions from high on have the fields that are asked for; those below low lack them.
	var search func(low, high int, ids map[int32]bool) error
	search = func(low, high int, ids map[int32]bool) error {
		if len(ids) == 0 || low >= high {
			return nil
		}
		middle := (low + high) / 2
		m, err := manifest.Read(ctx, t.store, entries[middle])
		if errors.Is(err, objstore.ErrNotExist) { // cleaned up meanwhile, with those before
			return search(middle+1, high, ids)
		}
		if err != nil {
			return fmt.Errorf("read version %d of %s: %w", entries[middle].Version, t.dir, err)
		}
		has, had := idsOf(m.Schema()), map[int32]bool{}
		lacks := map[int32]bool{}
		for id := range ids {
			if has[id] {
				since[id] = m.Version()
				had[id] = true
			} else {
				lacks[id] = true
			}
		}
		return errors.Join(search(low, middle, had), search(middle+1, high, lacks))
	}
	if len(entries) == 0 {
		return since, d.Version(), nil
	}
	return since, entries[0].Version, search(0, len(entries), ids)
}

func idsOf(s *fields.Schema) map[int32]bool {
	ids := map[int32]bool{}
	s.Walk(func(_ fields.Path, f *fields.Field) bool {
		ids[f.ID] = true
		return true
	})
	return ids
}

// schemaHistoryCmd is "schema history".
type schemaHistoryCmd struct {
	Topic string `arg:"" help:"Topic whose table to show."`
	JSON  bool   `help:"Print as JSON, one object per version and line."`
	tableFlags
}

// Help is the example shown by "help schema history".
func (*schemaHistoryCmd) Help() string { return example("pst-bridge schema history orders") }

// changedVersion is a version that changed the columns, as --json prints it.
type changedVersion struct {
	Version   uint64       `json:"version"`
	Time      time.Time    `json:"time"`
	Operation string       `json:"operation"`
	Writer    string       `json:"writer"`
	Changes   []changeText `json:"changes"`
}

type changeText struct {
	Path   string      `json:"path"`
	Before *columnText `json:"before,omitempty"`
	After  *columnText `json:"after,omitempty"`
}

func describeChange(c schema.Change) changeText {
	out := changeText{Path: c.Path}
	if c.Before != nil {
		col := describeColumn(c.Path, *c.Before)
		out.Before = &col
	}
	if c.After != nil {
		col := describeColumn(c.Path, *c.After)
		out.After = &col
	}
	return out
}

// String says the change in one line.
func (c *changeText) String() string {
	phrase := func(col *columnText) string {
		if notes := col.notes(); notes != "" {
			return col.Type + " (" + notes + ")"
		}
		return col.Type
	}
	switch {
	case c.Before == nil:
		return "+ " + c.Path + " " + phrase(c.After)
	case c.After == nil:
		return "- " + c.Path + " " + phrase(c.Before)
	default:
		return "~ " + c.Path + " from " + phrase(c.Before) + " to " + phrase(c.After)
	}
}

// Run prints the versions.
func (c *schemaHistoryCmd) Run(ctx context.Context, std *streams) (err error) {
	t, err := c.mustOpen(c.Topic)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	var before *arrow.Schema
	out := json.NewEncoder(std.out)
	for m, err := range t.manifests(ctx) {
		if err != nil {
			return err
		}
		now, err := m.Schema().Arrow()
		if err != nil {
			return fmt.Errorf("version %d of %s: %w", m.Version(), t.dir, err)
		}
		changes := schema.Changes(before, now)
		before = now
		if len(changes) == 0 {
			continue
		}
		v := changedVersion{Version: m.Version(), Time: m.Time().UTC(), Operation: "unknown"}
		library, version := m.Writer()
		v.Writer = library + " " + version
		if tx, err := t.table.Transaction(ctx, m.Version()); err == nil {
			v.Operation = tx.Operation.String()
		}
		for _, change := range changes {
			v.Changes = append(v.Changes, describeChange(change))
		}
		if c.JSON {
			if err := out.Encode(&v); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(std.out, "version %d, %s, %s by %s\n", v.Version, v.Time.Format(time.RFC3339), v.Operation, v.Writer)
		for i := range v.Changes {
			fmt.Fprintf(std.out, "  %s\n", &v.Changes[i])
		}
	}
	return nil
}
