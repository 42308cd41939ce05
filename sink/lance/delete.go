package lance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/deletion"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// RowAddress names a row of a version by its fragment and its place there, deleted
// rows counted. It stays valid until the fragment is rewritten.
type RowAddress uint64

// MakeRowAddress returns the address of a row.
func MakeRowAddress(fragment, row uint32) RowAddress {
	return RowAddress(uint64(fragment)<<32 | uint64(row))
}

// Fragment returns the id of the row's fragment.
func (a RowAddress) Fragment() uint64 { return uint64(a >> 32) }

// Row returns the row's place in its fragment.
func (a RowAddress) Row() uint32 { return uint32(a) }

// Delete deletes rows of d in the newest version of its table. Rows that are deleted already, in d or by others since, are passed over; if that is all
// of them there is no new version. A fragment without a row left goes.
//
// Appends, deletes, added columns and the like that others committed since d are no
// obstacle. An update of one of the rows, a compaction of their fragments, and an
// overwrite or restore are an ErrConflict: the addresses mean something else now.
func (d *Dataset) Delete(ctx context.Context, rows []RowAddress) (*Dataset, error) {
	plan := &deletePlan{d: d, wanted: make(map[uint64][]uint32), made: make(map[uint64]madeDeletion), gone: make(map[uint64]bool)}
	if err := plan.take(rows); err != nil {
		return nil, fmt.Errorf("delete: %w", err)
	}
	return d.table.operate(ctx, "delete", func(base *manifest.Manifest) (*Proposal, error) { return plan.on(ctx, base) })
}

// deletePlan is a delete on its way.
type deletePlan struct {
	d      *Dataset
	wanted map[uint64][]uint32 // rows by fragment, ascending, distinct
	made   map[uint64]madeDeletion
	gone   map[uint64]bool // fragments that deletes of others took whole
	seen   uint64          // newest version whose commit was checked
}

// madeDeletion is a deletion file written for a fragment.
type madeDeletion struct {
	over deletion.File // what it replaces; zero for none
	file *deletion.File
	all  bool // no row would be left: there is no file
	none bool // all rows were gone before
}

// take sorts the addresses by fragment and checks that d has them.
func (p *deletePlan) take(rows []RowAddress) error {
	for _, a := range rows {
		p.wanted[a.Fragment()] = append(p.wanted[a.Fragment()], a.Row())
	}
	index, err := fragmentsByID(p.d.manifest)
	if err != nil {
		return err
	}
	for id, list := range p.wanted {
		slices.Sort(list)
		p.wanted[id] = slices.Compact(list)
		last := list[len(list)-1]
		if f := index[id]; f == nil || uint64(last) >= f.PhysicalRows {
			return fmt.Errorf("version %d has no row %d in a fragment %d", p.d.Version(), last, id)
		}
	}
	p.seen = p.d.Version()
	return nil
}

func fragmentsByID(m *manifest.Manifest) (map[uint64]*manifest.Fragment, error) {
	index := make(map[uint64]*manifest.Fragment, m.Fragments())
	for i := range m.Fragments() {
		f, err := m.Fragment(i)
		if err != nil {
			return nil, err
		}
		index[f.ID] = f
	}
	return index, nil
}

// on plans the delete on a version.
func (p *deletePlan) on(ctx context.Context, base *manifest.Manifest) (*Proposal, error) {
	if err := p.follow(ctx, base.Version()); err != nil {
		return nil, err
	}
	index, err := fragmentsByID(base)
	if err != nil {
		return nil, err
	}
	edits := make(map[uint64]manifest.FragmentEdit)
	count := 0
	for _, id := range slices.Sorted(maps.Keys(p.wanted)) {
		f := index[id]
		if f == nil {
			continue // follow found that a delete took all of it
		}
		made, err := p.make(ctx, base, f)
		switch {
		case err != nil:
			return nil, err
		case made.all:
			edits[id] = manifest.FragmentEdit{Drop: true}
		case !made.none:
			edits[id] = manifest.FragmentEdit{Deletion: made.file}
		}
		count += len(p.wanted[id])
	}
	if len(edits) == 0 {
		return nil, nil //nolint:nilnil // the way to say that there is nothing to put
	}
	return &Proposal{Operation: OpDelete, Edits: edits, Predicate: fmt.Sprintf("%d rows by address", count)}, nil
}

// make writes the deletion file of a fragment, unless that was done for the same
// fragment before.
func (p *deletePlan) make(ctx context.Context, base *manifest.Manifest, f *manifest.Fragment) (madeDeletion, error) {
	over := deletion.File{}
	if f.Deletions {
		over = f.Deletion
	}
	if made, ok := p.made[f.ID]; ok && made.over == over {
		return made, nil
	}
	gone, err := p.d.table.deletedRows(ctx, f)
	if err != nil {
		return madeDeletion{}, err
	}
	rows := union(gone, p.wanted[f.ID])
	made := madeDeletion{over: over, none: len(rows) == len(gone), all: uint64(len(rows)) == f.PhysicalRows}
	if !made.none && !made.all {
		made.file, err = deletion.Write(ctx, p.d.table.store, f.ID, base.Version(), rows)
		if err != nil {
			return madeDeletion{}, err
		}
	}
	p.made[f.ID] = made
	return made, nil
}

// deletedRows returns the rows of a fragment that are gone, ascending.
func (t *Table) deletedRows(ctx context.Context, f *manifest.Fragment) ([]uint32, error) {
	if !f.Deletions {
		return nil, nil
	}
	rows, err := deletion.Read(ctx, t.store, f.ID, &f.Deletion, f.PhysicalRows)
	if err != nil {
		return nil, fmt.Errorf("fragment %d: %w", f.ID, err)
	}
	return rows, nil
}

// union merges two ascending lists without doubles.
func union(a, b []uint32) []uint32 {
	rows := slices.Concat(a, b)
	slices.Sort(rows)
	return slices.Compact(rows)
}

// follow checks what others committed up to a version.
func (p *deletePlan) follow(ctx context.Context, to uint64) error {
	for v := p.seen + 1; v <= to; v++ {
		tx, err := p.d.table.log.Transaction(ctx, v)
		if errors.Is(err, ErrNoVersion) || errors.Is(err, ErrNoTransaction) {
			return p.d.table.conflict(ctx, v-1, v, err)
		}
		if err != nil {
			return err
		}
		if err := p.pass(ctx, v, tx.Operation); err != nil {
			return err
		}
		p.seen = v
	}
	return nil
}

// pass checks whether the addresses still mean the same rows after a version.
func (p *deletePlan) pass(ctx context.Context, v uint64, op Operation) error {
	switch op {
	case OpAppend, OpProject, OpUpdateConfig, OpReserveFragments, OpUpdateBases, OpCreateIndex:
		return nil
	case OpDelete, OpMerge, OpDataReplacement, OpUpdate, OpRewrite:
	default:
		return p.d.table.conflict(ctx, v-1, v, errors.New("the rows may be others now"))
	}
	now, err := p.fragments(ctx, v)
	if err != nil {
		return err
	}
	for id, rows := range p.wanted {
		f := now[id]
		if f == nil && (op == OpDelete || p.gone[id]) {
			p.gone[id] = true
			continue
		}
		if f == nil {
			return p.d.table.conflict(ctx, v-1, v, fmt.Errorf("fragment %d is gone", id))
		}
		if op != OpUpdate {
			continue
		}
		before, err := p.fragments(ctx, v-1)
		if err != nil {
			return err
		}
		if err := p.updated(ctx, before[id], f, rows); err != nil {
			return p.d.table.conflict(ctx, v-1, v, err)
		}
	}
	return nil
}

func (p *deletePlan) fragments(ctx context.Context, v uint64) (map[uint64]*manifest.Fragment, error) {
	m, err := p.d.table.log.Version(ctx, v)
	if err != nil {
		return nil, err
	}
	return fragmentsByID(m)
}

// updated reports an error if an update moved one of the rows elsewhere.
func (p *deletePlan) updated(ctx context.Context, before, after *manifest.Fragment, rows []uint32) error {
	if before == nil || before.Deletions == after.Deletions && before.Deletion == after.Deletion {
		return nil
	}
	was, err := p.d.table.deletedRows(ctx, before)
	if err != nil {
		return err
	}
	is, err := p.d.table.deletedRows(ctx, after)
	if err != nil {
		return err
	}
	for _, row := range rows {
		_, then := slices.BinarySearch(was, row)
		if _, gone := slices.BinarySearch(is, row); gone && !then {
			return fmt.Errorf("row %d of fragment %d was updated", row, after.ID)
		}
	}
	return nil
}
