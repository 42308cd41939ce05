package conformance_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// change makes the next version of the model.
func (p *play) change(f func(s *sheet)) {
	p.now = p.now.clone()
	f(p.now)
}

// move says that addresses of earlier versions are good no more.
func (p *play) move(t *rapid.T) {
	d, err := p.ours.Latest(t.Context())
	ok(t, err)
	p.moved = d.Version()
}

func (p *play) remove(match func(id int64) bool) {
	p.change(func(s *sheet) {
		s.rows = slices.DeleteFunc(s.rows, func(row members) bool { return match(row[0].(int64)) })
	})
}

func (p *play) addColumn(f arrow.Field, value func(row members) any) {
	p.change(func(s *sheet) {
		s.fields = append(s.fields, f)
		for i, row := range s.rows {
			s.rows[i] = append(row[:len(row):len(row)], value(row))
		}
	})
}

func (p *play) dropField(at place) {
	last := at.path[len(at.path)-1]
	p.change(func(s *sheet) {
		s.mapFields(at.parent(), func(list []arrow.Field) []arrow.Field { return slices.Delete(slices.Clone(list), last, last+1) })
		s.mapRows(at.parent(), func(v any) any {
			if v == nil {
				return nil
			}
			return slices.Delete(slices.Clone(v.(members)), last, last+1)
		})
	})
}

// changeField replaces a field, its values being the same.
func (p *play) changeField(at place, change func(f *arrow.Field)) {
	p.change(func(s *sheet) {
		s.mapFields(at.parent(), func(list []arrow.Field) []arrow.Field {
			list = slices.Clone(list)
			change(&list[at.path[len(at.path)-1]])
			return list
		})
	})
}

// drawVersion draws one of those that can be read.
func (p *play) drawVersion(t *rapid.T) uint64 {
	return drawOne(t, "version", slices.Sorted(maps.Keys(p.past)))
}

func pathOf(names []string) string { return string(fields.MakePath(names...)) }

func (p *play) weAppend(t *rapid.T) {
	fields := drawPart(t, p.now.fields)
	rec := p.drawRecord(t, fields, rapid.IntRange(1, 60).Draw(t, "rows"))
	_, err := p.ours.Append(t.Context(), sequence(halves(rec)...))
	ok(t, err)
	p.change(func(s *sheet) { s.rows = append(s.rows, s.spread(fields, rowsOf(rec))...) })
}

func (p *play) weAddNulls(t *rapid.T) {
	f := p.drawNullable(t)
	_, err := p.ours.AddColumns(t.Context(), arrow.NewSchema([]arrow.Field{f}, nil))
	ok(t, err)
	p.addColumn(f, func(members) any { return nil })
}

// weAddMember adds a member to a struct, at any depth.
func (p *play) weAddMember(t *rapid.T) {
	at := drawPlace(t, p.now, func(at place) bool { return at.field.Type.ID() == arrow.STRUCT && !at.whole })
	f := p.drawNullable(t)
	p.late[f.Name] = true
	p.change(func(s *sheet) {
		s.mapFields(at.path, func(list []arrow.Field) []arrow.Field { return append(slices.Clone(list), f) })
		s.mapRows(at.path, func(v any) any {
			if v == nil {
				return nil
			}
			return append(slices.Clone(v.(members)), nil)
		})
	})
	_, err := p.ours.AddColumns(t.Context(), arrow.NewSchema(p.now.fields[at.path[0]:at.path[0]+1], nil))
	ok(t, err)
}

func (p *play) weAddConstants(t *rapid.T) {
	f := p.drawNullable(t)
	rec := p.drawRecord(t, []arrow.Field{f}, 1)
	_, err := p.ours.AddConstants(t.Context(), rec)
	ok(t, err)
	value := rowsOf(rec)[0][0]
	p.addColumn(f, func(members) any { return value })
}

// weAddComputed copies a column.
func (p *play) weAddComputed(t *rapid.T) {
	at := rapid.IntRange(0, len(p.now.fields)-1).Draw(t, "column")
	f := p.now.fields[at]
	name := f.Name
	f.Name, f.Nullable = p.newName("copy"), true
	schema := arrow.NewSchema([]arrow.Field{f}, nil)
	_, err := p.ours.AddColumnsFunc(t.Context(), schema, []string{name}, func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		return array.NewRecord(schema, in.Columns(), in.NumRows()), nil
	})
	ok(t, err)
	p.addColumn(f, func(row members) any { return row[at] })
}

// weDrop drops a column or a member of a struct that keeps one which all rows have:
// without any in a file nothing there tells which structs are null.
func (p *play) weDrop(t *rapid.T) {
	at := drawPlace(t, p.now, func(at place) bool {
		if at.item || at.siblings == 0 {
			return false
		}
		for _, other := range p.now.places() {
			if len(at.path) == 1 || len(other.path) == len(at.path) && slices.Equal(other.parent(), at.parent()) &&
				!slices.Equal(other.path, at.path) && !p.late[other.field.Name] {
				return true
			}
		}
		return false
	})
	_, err := p.ours.DropColumns(t.Context(), pathOf(at.names))
	ok(t, err)
	p.dropField(at)
}

func (p *play) weRename(t *rapid.T) {
	at := drawPlace(t, p.now, func(at place) bool { return !at.item })
	name := p.newName("\u00fc ")
	p.late[name] = p.late[at.field.Name]
	_, err := p.ours.RenameColumn(t.Context(), pathOf(at.names), name)
	ok(t, err)
	p.changeField(at, func(f *arrow.Field) { f.Name = name })
}

func (p *play) weAllowNull(t *rapid.T) {
	at := drawPlace(t, p.now, func(at place) bool { return !at.field.Nullable })
	_, err := p.ours.AllowNull(t.Context(), pathOf(at.names))
	ok(t, err)
	p.changeField(at, func(f *arrow.Field) { f.Nullable = true })
}

// weDelete deletes rows of the newest version or of an earlier one.
func (p *play) weDelete(t *rapid.T) {
	version := p.drawVersion(t)
	if rapid.Bool().Draw(t, "of the newest") {
		version = slices.Max(slices.Collect(maps.Keys(p.past)))
	}
	then := p.past[version]
	d, err := p.ours.Version(t.Context(), version)
	ok(t, err)
	recs, err := collect(d.Scan(t.Context(), lance.ScanOptions{Columns: []string{"id"}, RowAddresses: true}))
	ok(t, err)
	var addresses []lance.RowAddress
	gone := map[int64]bool{}
	for i, row := range rowsOf(recs...) {
		if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			address, _ := row[1].(int64)
			addresses = append(addresses, lance.RowAddress(address))
			gone[then.rows[i][0].(int64)] = true
		}
	}
	_, err = d.Delete(t.Context(), addresses)
	if err != nil && version < p.moved && errors.Is(err, lance.ErrConflict) {
		return
	}
	ok(t, err)
	p.remove(func(id int64) bool { return gone[id] })
}

func (p *play) weOverwrite(t *rapid.T) {
	fields := p.drawTable(t)
	rec := p.drawRecord(t, fields, rapid.IntRange(0, 60).Draw(t, "rows"))
	_, err := p.ours.Overwrite(t.Context(), rec.Schema(), sequence(rec))
	ok(t, err)
	p.change(func(s *sheet) { s.fields, s.rows = fields, rowsOf(rec) })
	p.move(t)
}

func (p *play) weRestore(t *rapid.T) {
	version := p.drawVersion(t)
	_, err := p.ours.Restore(t.Context(), version)
	ok(t, err)
	p.now = p.past[version]
	p.move(t)
}

func (p *play) weTag(t *rapid.T) {
	name := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "tag")
	version := p.drawVersion(t)
	_, there := p.tags[name]
	var err error
	switch {
	case there && rapid.Bool().Draw(t, "delete it"):
		err = p.ours.DeleteTag(t.Context(), name)
		delete(p.tags, name)
		ok(t, err)
		return
	case there:
		err = p.ours.UpdateTag(t.Context(), name, version)
	default:
		err = p.ours.CreateTag(t.Context(), name, version)
	}
	ok(t, err)
	p.tags[name] = version
}

func (p *play) weConfigure(t *rapid.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
	edit := lance.MapEdit{Delete: []string{key}}
	value := strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "value"))
	if set := rapid.Bool().Draw(t, "set"); set {
		edit = lance.MapEdit{Set: map[string]string{key: value}}
	}
	_, err := p.ours.UpdateMetadata(t.Context(), lance.MetadataUpdate{Config: edit})
	ok(t, err)
	p.change(func(s *sheet) { s.config = edit.Apply(s.config) })
}

func containsLine(text, line string) bool {
	return slices.Contains(strings.Split(text, "\n"), line)
}
